// SPDX-License-Identifier: Apache-2.0
#include "inference/aria/tokenizer.h"

#include <algorithm>
#include <array>
#include <limits>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "inference/aria/event_writer.h"
#include "inference/aria/note_list.h"
#include "inference/aria/tempo_map.h"

namespace antiphon::inference {
namespace {

// Where the reference announces the end of a piece, in tokens.
constexpr std::ptrdiff_t kShortestWithEnding = 151;
constexpr std::ptrdiff_t kEndingFromEnd = 100;
constexpr int64_t kMaxFileMs = int64_t{24} * 60 * 60 * 1000;

// Per channel, what the events of a file need to know.
struct Channel {
  std::optional<int> instrument;  // nothing: neither notes nor a program
  std::vector<std::pair<int64_t, int64_t>> pedal;  // [down, up] ticks

  // Where a note that is let go at end_tick stops sounding.
  int64_t SoundingEnd(int64_t end_tick) const {
    // Intervals are in order and apart: only one can hold the tick.
    const auto after = std::upper_bound(pedal.begin(), pedal.end(), end_tick,
                                        [](int64_t tick, const auto& interval) {
                                          return tick <= interval.first;
                                        });
    if (after == pedal.begin()) return end_tick;
    const auto& interval = *(after - 1);
    return end_tick < interval.second ? interval.second : end_tick;
  }
};
using Channels = std::array<Channel, kChannels>;

// Vocabularies with pedal tokens hold the piano alone. As in the reference, a
// program counts also on a channel without notes.
absl::Status CheckPianoAlone(const Vocabulary& vocabulary,
                             const Channels& channels) {
  const auto refuse = [&vocabulary](const auto&... text) {
    return absl::InvalidArgumentError(absl::StrCat(
        text..., ", but the vocabulary ", std::string(vocabulary.name()),
        " has pedal tokens and holds the piano alone; use --vocab=default"));
  };
  bool piano = false;
  for (size_t i = 0; i < channels.size(); ++i) {
    const std::optional<int> instrument = channels[i].instrument;
    if (instrument.value_or(0) != 0) {
      return refuse("channel ", i + 1, " plays ",
                    std::string(InstrumentName(*instrument)));
    }
    piano |= instrument.has_value();
  }
  return piano ? absl::OkStatus() : refuse("no channel plays the piano");
}

Channels ReadChannels(const NoteList& list) {
  Channels channels;
  const auto instruments = InstrumentsOf(list);
  for (size_t i = 0; i < channels.size(); ++i) {
    channels[i].instrument = instruments[i];
  }
  std::array<std::optional<int64_t>, kChannels> down;
  for (const PedalChange& change : list.pedals) {
    auto& since = down[static_cast<size_t>(change.channel)];
    if (change.down && !since) since = change.tick;
    if (!change.down && since) {
      channels[static_cast<size_t>(change.channel)].pedal.emplace_back(
          *since, change.tick);
      since.reset();
    }
  }
  for (size_t i = 0; i < channels.size(); ++i) {
    // The reference closes an open pedal where the last note struck ends.
    if (down[i]) {
      channels[i].pedal.emplace_back(*down[i], list.notes.back().end_tick);
    }
  }
  return channels;
}

std::vector<TokenId> Prefix(const Vocabulary& vocabulary, const NoteList& list,
                            const Channels& channels) {
  std::array<bool, kDrumInstrument + 1> used{};
  for (const Channel& channel : channels) {
    if (channel.instrument)
      used[static_cast<size_t>(*channel.instrument)] = true;
  }
  used[kDrumInstrument] = std::any_of(
      list.notes.begin(), list.notes.end(),
      [](const FileNote& note) { return note.channel == kDrumChannel; });
  std::vector<TokenId> prefix;
  for (int i = 0; i <= kDrumInstrument; ++i) {
    const TokenId id = vocabulary.InstrumentPrefixId(i);
    if (used[static_cast<size_t>(i)] && id != kUnknownToken) {
      prefix.push_back(id);
    }
  }
  return prefix;
}

// A note or a pedal change of the list, with the tick it is sorted by.
struct FileEvent {
  int64_t tick = 0;
  const FileNote* note = nullptr;  // one of the two
  const PedalChange* pedal = nullptr;

  int channel() const {
    return note != nullptr ? note->channel : pedal->channel;
  }
};

std::vector<FileEvent> SortedEvents(const Vocabulary& vocabulary,
                                    const NoteList& list) {
  std::vector<FileEvent> events;
  for (const FileNote& note : list.notes) {
    events.push_back({note.start_tick, &note, nullptr});
  }
  if (vocabulary.has_pedals()) {
    for (const PedalChange& change : list.pedals) {
      events.push_back({change.tick, nullptr, &change});
    }
  }
  std::stable_sort(
      events.begin(), events.end(),
      [](const FileEvent& a, const FileEvent& b) { return a.tick < b.tick; });
  return events;
}

// Writes what an event says where the writer stands.
class FileEventWriter {
 public:
  FileEventWriter(const Vocabulary& vocabulary, const Channels& channels,
                  const TempoMap& tempos, std::vector<std::string>* unknown)
      : vocabulary_(vocabulary),
        channels_(channels),
        tempos_(tempos),
        unknown_(unknown) {}

  void Write(const FileEvent& event, const EventWriter& writer,
             std::vector<TokenId>& out) const {
    if (event.channel() == kDrumChannel) {
      if (vocabulary_.has_drums()) writer.Other(DrumId(event), out);
    } else if (event.pedal != nullptr) {
      writer.Other(vocabulary_.PedalId(event.pedal->down), out);
    } else {
      const FileNote& note = *event.note;
      const Channel& channel = channels_[static_cast<size_t>(note.channel)];
      const int64_t end_tick = channel.SoundingEnd(note.end_tick);
      writer.Note(channel.instrument.value_or(0), note.pitch, note.velocity,
                  tempos_.DurationMs(note.start_tick, end_tick), out);
    }
  }

 private:
  // To the reference a pedal among drums is a drum without a number.
  TokenId DrumId(const FileEvent& event) const {
    const TokenId id = event.note != nullptr
                           ? vocabulary_.DrumId(event.note->pitch)
                           : kUnknownToken;
    if (id == kUnknownToken && unknown_ != nullptr) {
      unknown_->push_back(event.note != nullptr
                              ? absl::StrCat("drum:", event.note->pitch)
                              : "drum:None");
    }
    return id;
  }

  const Vocabulary& vocabulary_;
  const Channels& channels_;
  const TempoMap& tempos_;
  std::vector<std::string>* const unknown_;
};

absl::StatusOr<std::vector<TokenId>> Tokenize(
    const Vocabulary& vocabulary, const NoteList& list, const TempoMap& tempos,
    const FileOptions& options, std::vector<std::string>* unknown) {
  const Channels channels = ReadChannels(list);
  if (vocabulary.has_pedals()) {
    absl::Status status = CheckPianoAlone(vocabulary, channels);
    if (!status.ok()) return status;
  }
  const std::vector<FileEvent> events = SortedEvents(vocabulary, list);
  const bool keep_silence =
      options.keep_silence && !options.inference_prompt_ms;
  const int64_t origin_tick = keep_silence ? 0 : events.front().tick;
  const TempoMap from_origin = tempos.From(origin_tick);
  const auto ms_at = [&](int64_t tick) {
    return from_origin.DurationMs(0, tick - origin_tick);
  };
  if (ms_at(events.back().tick) > kMaxFileMs) {
    return absl::InvalidArgumentError(
        "the MIDI file lasts longer than 24 hours; cut it");
  }
  std::vector<TokenId> tokens = Prefix(vocabulary, list, channels);
  tokens.push_back(kBosToken);
  tokens.reserve(tokens.size() + 3 * events.size() + 16);
  EventWriter writer(vocabulary, options.segment_ms);
  const FileEventWriter file_writer(vocabulary, channels, tempos, unknown);
  for (const FileEvent& event : events) {
    writer.MoveTo(ms_at(event.tick), tokens);
    file_writer.Write(event, writer, tokens);
  }
  return tokens;
}

}  // namespace

absl::StatusOr<std::vector<TokenId>> TokenizeLive(
    const Vocabulary& vocabulary, absl::Span<const TimedNote> notes,
    const LiveOptions& options, absl::Span<const TimedPedal> pedals) {
  if (auto status = CheckSegment(options.segment_ms); !status.ok()) {
    return status;
  }
  if (!vocabulary.has_pedals()) pedals = {};
  if (auto s = CheckLivePedals(pedals, options.origin_ms); !s.ok()) return s;
  std::vector<TokenId> tokens = {kPianoPrefixToken, kBosToken};
  tokens.reserve(tokens.size() + 3 * notes.size() + 2 * pedals.size() + 16);
  EventWriter writer(vocabulary, options.segment_ms);
  const auto write_pedals_before = [&](int64_t ms) {
    for (; !pedals.empty() && pedals[0].at_ms < ms; pedals.remove_prefix(1)) {
      writer.MoveTo(pedals[0].at_ms - options.origin_ms, tokens);
      writer.Other(vocabulary.PedalId(pedals[0].down), tokens);
    }
  };
  int64_t earliest_ms = options.origin_ms;
  for (size_t i = 0; i < notes.size(); ++i) {
    const TimedNote& note = notes[i];
    auto status = CheckLiveNote(note, i, earliest_ms, options.origin_ms);
    if (!status.ok()) return status;
    earliest_ms = note.onset_ms;
    write_pedals_before(note.onset_ms);
    writer.MoveTo(note.onset_ms - options.origin_ms, tokens);
    writer.Note(/*instrument=*/0, note.pitch, note.velocity, note.duration_ms,
                tokens);
  }
  write_pedals_before(std::numeric_limits<int64_t>::max());
  return tokens;
}

absl::StatusOr<std::vector<TokenId>> TokenizeFile(
    const Vocabulary& vocabulary, const MidiFile& file,
    const FileOptions& options, std::vector<std::string>* unknown) {
  if (auto status = CheckSegment(options.segment_ms); !status.ok()) {
    return status;
  }
  const TempoMap tempos(file.ticks_per_quarter, file.tempos);
  NoteList list = ReadNotes(file);
  if (options.remove_redundant_pedals) RemoveRedundantPedals(list);
  if (options.inference_prompt_ms) {
    KeepFirst(tempos, *options.inference_prompt_ms, list);
    if (list.notes.empty()) {
      return std::vector<TokenId>{kPianoPrefixToken, kBosToken};
    }
  }
  DropIgnoredInstruments(vocabulary, list);
  if (list.notes.empty()) {
    return absl::InvalidArgumentError(
        "the MIDI file has no complete note on an instrument of the "
        "vocabulary " +
        std::string(vocabulary.name()));
  }
  auto tokens = Tokenize(vocabulary, list, tempos, options, unknown);
  if (tokens.ok() && !options.inference_prompt_ms) {
    tokens->push_back(kEosToken);
  }
  return tokens;
}

void InsertEnding(const Vocabulary& vocabulary, int offset,
                  std::vector<TokenId>& tokens) {
  auto begin = std::find(tokens.begin(), tokens.end(), kBosToken);
  if (begin != tokens.end()) ++begin;
  auto end = tokens.end();
  if (begin != end && *(end - 1) == kEosToken) --end;
  if (end - begin < kShortestWithEnding) return;
  auto at = end - kEndingFromEnd + std::clamp(offset, -10, 10);
  const TokenClass kind = vocabulary.ClassOf(*at);
  if (kind == TokenClass::kOnset) at -= 1;
  if (kind == TokenClass::kDur) at -= 2;
  tokens.insert(at, kDimToken);
}

}  // namespace antiphon::inference
