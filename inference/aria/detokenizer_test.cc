// SPDX-License-Identifier: Apache-2.0
#include "inference/aria/detokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "inference/aria/golden.h"

namespace antiphon::inference {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

Vocabulary Named(const std::string& config) {
  return *Vocabulary::FromName(config.substr(0, config.find('+')));
}

std::vector<TokenId> Ids(const Vocabulary& vocabulary,
                         const std::string& texts) {
  std::vector<TokenId> ids;
  for (absl::string_view text : absl::StrSplit(texts, ' ', absl::SkipEmpty())) {
    ids.push_back(vocabulary.IdOf({text.data(), text.size()}));
  }
  return ids;
}

json NotesOf(const NoteList& list) {
  json notes = json::array();
  for (const FileNote& n : list.notes) {
    notes.push_back({n.channel, n.pitch, n.velocity, n.start_tick, n.end_tick});
  }
  return notes;
}

json PedalsOf(const NoteList& list) {
  json pedals = json::array();
  for (const PedalChange& p : list.pedals) {
    pedals.push_back({p.channel, p.down ? 1 : 0, p.tick});
  }
  return pedals;
}

json ProgramsOf(const NoteList& list) {
  json programs = json::array();
  for (const ProgramChange& p : list.programs) {
    programs.push_back({p.channel, p.program});
  }
  return programs;
}

// Where the reference stops with an assertion about the music, not about the
// prefixes, we go on.
bool IsRefusedByUs(const json& expected) {
  return expected.contains("error") &&
         expected.at("error").get<std::string>() == "AssertionError: ";
}

TEST(Detokenize, IrregularStreamsAreReadAsTheReferenceDoes) {
  int compared = 0;
  const json golden = ReadGolden("tokenizer/detok_irregular.json");
  for (const auto& c : golden.at("cases")) {
    SCOPED_TRACE(c.at("name").get<std::string>());
    const Vocabulary v = Named(c.at("config"));
    const auto ids = c.at("ids").get<std::vector<TokenId>>();
    EXPECT_EQ(Ids(v, c.at("tokens")), ids);
    const auto list = Detokenize(v, ids);
    ASSERT_EQ(list.ok(), !IsRefusedByUs(c)) << list.status();
    if (list.ok() && c.contains("notes")) {
      EXPECT_EQ(NotesOf(*list), c.at("notes"));
      EXPECT_EQ(PedalsOf(*list), c.at("pedals"));
      EXPECT_EQ(ProgramsOf(*list), c.at("programs"));
      ++compared;
    }
    if (c.at("length_ms").is_number()) {
      EXPECT_EQ(LengthMs(v, ids), c.at("length_ms"));
    }
    EXPECT_EQ(LastOnsetMs(v, ids), c.at("last_onset_ms"));
    const auto front = TruncateByTime(v, ids, 60);
    EXPECT_EQ(std::vector<TokenId>(front.begin(), front.end()),
              Ids(v, c.at("truncate_by_time_60ms")));
  }
  EXPECT_EQ(compared, 33);
}

TEST(Detokenize, FilesComeBackAsTheReferenceReadsThem) {
  int compared = 0;
  for (const char* name :
       {"bars", "durations", "leading_silence", "multi_drums", "no_program",
        "onsets_silence", "overlap", "pedal", "scale_chord", "tempo",
        "velocity"}) {
    const json golden =
        ReadGolden("tokenizer/tok_syn_" + std::string(name) + ".json");
    for (const auto& [config, c] : golden.at("cases").items()) {
      if (c.contains("error")) continue;
      SCOPED_TRACE(std::string(name) + " " + config);
      const Vocabulary v = Named(config);
      const auto ids = c.at("ids").get<std::vector<TokenId>>();
      const auto list = Detokenize(v, ids);
      ASSERT_TRUE(list.ok()) << list.status();
      json notes = c.value("detok_notes", json::array());
      // The vectors were read from texts: "drum:20", for which there is no id.
      std::erase_if(notes.get_ref<json::array_t&>(), [](const json& note) {
        return note[0] == kDrumChannel && note[1] < kFirstDrumNote;
      });
      EXPECT_EQ(NotesOf(*list), notes);
      EXPECT_EQ(PedalsOf(*list), c.value("detok_pedals", json::array()));
      if (c.contains("detok_programs")) {
        EXPECT_EQ(ProgramsOf(*list), c.at("detok_programs"));
      }
      EXPECT_EQ(LengthMs(v, ids), c.at("length_ms"));
      EXPECT_EQ(LastOnsetMs(v, ids), c.at("last_onset_ms"));
      ++compared;
    }
  }
  EXPECT_EQ(compared, 85);
}

TEST(Detokenize, PedalsThatTheReferenceDiesOfAreSkipped) {
  const Vocabulary v(VocabularyKind::kDemo26);
  const auto list = Detokenize(
      v,
      Ids(v,
          "prefix:instrument:piano <S> <PED_ON> <PED_OFF> onset:20 "
          "<PED_ON> <T> <PED_OFF> onset:30 piano:60:60 onset:40 dur:50 <E>"));
  ASSERT_TRUE(list.ok()) << list.status();
  EXPECT_EQ(PedalsOf(*list), json({{0, 0, 20}, {0, 0, 5030}}));
  EXPECT_EQ(NotesOf(*list), json({{0, 60, 60, 5040, 5090}}));
}

TEST(Detokenize, TheNumberThatFollowsAPedalIsItsTime) {
  const Vocabulary v(VocabularyKind::kDemo25);
  const auto list = Detokenize(
      v, Ids(v,
             "prefix:instrument:piano <S> <PED_ON> dur:450 <PED_OFF> drum:36 "
             "<PED_ON> bass:40:60 <PED_ON> prefix:genre:jazz <E> <E>"));
  ASSERT_TRUE(list.ok()) << list.status();
  EXPECT_EQ(PedalsOf(*list), json({{0, 1, 450}, {0, 0, 36}, {0, 1, 40}}));
}

TEST(Detokenize, AllInstrumentsHaveChannelsBesideTheDrums) {
  const Vocabulary v(VocabularyKind::kDefault);
  std::string text;
  for (int i = 0; i <= 10; ++i) {
    text += "prefix:instrument:" + std::string(InstrumentName(i)) + " ";
  }
  const auto list =
      Detokenize(v, Ids(v, text + "<S> synth_lead:60:0 onset:0 dur:20 <E>"));
  ASSERT_TRUE(list.ok()) << list.status();
  EXPECT_EQ(ProgramsOf(*list), json({{0, 0},
                                     {1, 16},
                                     {2, 24},
                                     {3, 32},
                                     {4, 40},
                                     {5, 48},
                                     {6, 56},
                                     {7, 64},
                                     {8, 73},
                                     {10, 80},
                                     {9, 0}}));
  EXPECT_EQ(NotesOf(*list), json({{10, 60, 0, 0, 20}}));
}

TEST(Detokenize, SegmentLengthIsAParameter) {
  const Vocabulary v(VocabularyKind::kDefault);
  const auto ids = Ids(
      v, "prefix:instrument:piano <S> <T> piano:60:60 onset:100 dur:50 <E>");
  EXPECT_EQ(NotesOf(*Detokenize(v, ids, 4800)),
            json({{0, 60, 60, 4900, 4950}}));
  EXPECT_EQ(LengthMs(v, ids, 4800), 4950);
  EXPECT_EQ(LastOnsetMs(v, ids, 4800), 4900);
  EXPECT_EQ(TruncateByTime(v, ids, 4900, 4800).size(), ids.size());
  EXPECT_EQ(TruncateByTime(v, ids, 4899, 4800).size(), 3U);
}

TEST(Detokenize, NamesTheIdThatIsNone) {
  for (const char* name : {"default", "demo25", "demo26"}) {
    const Vocabulary v = Named(name);
    for (const TokenId id : {-1, v.size(), 1 << 30}) {
      const std::vector<TokenId> ids = {6, 0, id};
      const auto list = Detokenize(v, ids);
      EXPECT_EQ(list.status().code(), absl::StatusCode::kInvalidArgument);
      EXPECT_THAT(std::string(list.status().message()),
                  HasSubstr("token 2 is id " + std::to_string(id)));
      EXPECT_THAT(std::string(list.status().message()), HasSubstr(name));
      // The questions about time pass over it.
      EXPECT_EQ(LengthMs(v, ids), 0);
      EXPECT_EQ(TruncateByTime(v, ids, 0).size(), 3U);
    }
  }
}

TEST(Detokenize, ShortStreamsAreEmpty) {
  const Vocabulary v(VocabularyKind::kDefault);
  for (const char* text : {"", "<S>", "piano:60:60", "dur:10 onset:0",
                           "prefix:instrument:piano <T> <E>"}) {
    const auto ids = Ids(v, text);
    const auto list = Detokenize(v, ids);
    ASSERT_TRUE(list.ok()) << text;
    EXPECT_TRUE(list->notes.empty());
    EXPECT_EQ(LengthMs(v, ids), 0) << text;
    EXPECT_EQ(LastOnsetMs(v, ids), 0) << text;
  }
}

TEST(TruncateByTime, AnOnsetAtTheFrontLeavesNothing) {
  const Vocabulary v(VocabularyKind::kDefault);
  const auto ids = Ids(v, "onset:100 piano:60:60 onset:200 dur:10");
  EXPECT_EQ(TruncateByTime(v, ids, 50).size(), 0U);
  EXPECT_EQ(TruncateByTime(v, ids, 100).size(), 1U);
  EXPECT_EQ(TruncateByTime(v, ids, 200).size(), 4U);
}

// [tick, type, channel, a, b] as the vectors have it.
json EventsOf(const MidiFile& file) {
  json events = json::array();
  for (const MidiFileEvent& e : file.tracks.at(0).events) {
    const char* type = (e.bytes[0] & 0xF0) == 0x90   ? "note_on"
                       : (e.bytes[0] & 0xF0) == 0xC0 ? "program_change"
                                                     : "control_change";
    events.push_back({e.tick, type, e.bytes[0] & 0x0F, e.bytes[1], e.bytes[2]});
  }
  return events;
}

TEST(ToMidi, EventsAreThoseOfTheReference) {
  const Vocabulary v(VocabularyKind::kDefault);
  const json golden = ReadGolden("tokenizer/to_midi_events.json");
  for (const auto& c : golden.at("cases")) {
    const auto list = Detokenize(v, Ids(v, c.at("tokens")));
    ASSERT_TRUE(list.ok());
    const MidiFile file = ToMidi(*list);
    EXPECT_EQ(EventsOf(file), c.at("events_tick_type_ch_a_b")) << c.at("name");
    EXPECT_EQ(file.ticks_per_quarter, 500);
    EXPECT_EQ(file.tempos, std::vector<MidiFileTempo>({{0, 500'000}}));
  }
}

TEST(ToMidi, WritesPedalsAndPrograms) {
  NoteList list;
  list.pedals = {{0, true, 10}, {0, false, 30}};
  list.programs = {{2, 40, 0}};
  list.notes = {{2, 60, 50, 10, 30}};
  EXPECT_EQ(EventsOf(ToMidi(list)), json({{0, "program_change", 2, 40, 0},
                                          {10, "note_on", 2, 60, 50},
                                          {10, "control_change", 0, 64, 127},
                                          {30, "note_on", 2, 60, 0},
                                          {30, "control_change", 0, 64, 0}}));
  EXPECT_EQ(ToMidi(list).tracks.at(0).end_tick, 30);
  EXPECT_TRUE(ToMidi({}).tracks.at(0).events.empty());
}

}  // namespace
}  // namespace antiphon::inference
