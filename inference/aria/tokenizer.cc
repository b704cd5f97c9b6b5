// SPDX-License-Identifier: Apache-2.0
#include "inference/aria/tokenizer.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "inference/aria/note_list.h"
#include "inference/aria/quantise.h"
#include "inference/aria/tempo_map.h"

namespace antiphon::inference {
namespace {

constexpr int kChannels = 16;
constexpr int kDrumInstrument = 10;
constexpr int64_t kMaxFileMs = int64_t{24} * 60 * 60 * 1000;

absl::Status CheckSegment(int segment_ms) {
  if (segment_ms > 0 && segment_ms <= kMaxSegmentMs &&
      segment_ms % kTimeStepMs == 0) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("segment_ms is ", segment_ms, ", it must be a multiple of ",
                   kTimeStepMs, " from ", kTimeStepMs, " to ", kMaxSegmentMs));
}

// Appends events to a token sequence, with the <T>s that lead to each.
class EventWriter {
 public:
  EventWriter(const Vocabulary& vocabulary, int segment_ms,
              std::vector<TokenId>& out)
      : vocabulary_(vocabulary), segment_ms_(segment_ms), out_(out) {}

  // Moves to an event at `ms`; events come in time order.
  void MoveTo(int64_t ms) {
    for (; segment_ < ms / segment_ms_; ++segment_) {
      out_.push_back(kTimeStepToken);
    }
    onset_ =
        vocabulary_.OnsetId(QuantiseOnsetMs(ms % segment_ms_, segment_ms_));
  }
  void Note(int instrument, int pitch, int velocity, int64_t duration_ms) {
    out_.push_back(vocabulary_.InstrumentNoteId(instrument, pitch,
                                                QuantiseVelocity(velocity)));
    out_.push_back(onset_);
    out_.push_back(vocabulary_.DurId(QuantiseDurationMs(duration_ms)));
  }
  // A drum or a pedal token.
  void Other(TokenId id) {
    out_.push_back(id);
    out_.push_back(onset_);
  }

 private:
  const Vocabulary& vocabulary_;
  const int segment_ms_;
  std::vector<TokenId>& out_;
  int64_t segment_ = 0;
  TokenId onset_ = 0;
};

absl::Status CheckLiveNote(const TimedNote& note, size_t index,
                           int64_t earliest_ms, int64_t origin_ms) {
  const auto refuse = [index](auto... text) {
    return absl::InvalidArgumentError(
        absl::StrCat("note ", index, ": ", text...));
  };
  if (note.onset_ms < earliest_ms) {
    return refuse("onset ", note.onset_ms,
                  " ms is before the origin or the note before it (",
                  earliest_ms, " ms); sort the notes by onset");
  }
  if (note.onset_ms - origin_ms > kMaxLiveContextMs) {
    return refuse("onset ", note.onset_ms, " ms is more than ",
                  kMaxLiveContextMs, " ms after the origin");
  }
  if (note.pitch < 0 || note.pitch >= kPitches) {
    return refuse("pitch ", note.pitch, " is outside 0..127");
  }
  if (note.velocity < 1 || note.velocity > 127) {
    return refuse("velocity ", note.velocity, " is outside 1..127");
  }
  return absl::OkStatus();
}

// Per channel, what the events of a file need to know.
struct Channel {
  int instrument = 0;
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

absl::StatusOr<Channels> ReadChannels(const Vocabulary& vocabulary,
                                      const NoteList& list) {
  Channels channels;
  for (int i = 0; i < kChannels; ++i) {
    channels[static_cast<size_t>(i)].instrument =
        InstrumentOfChannel(list, i).value_or(0);
  }
  for (const FileNote& note : list.notes) {
    if (note.channel == kDrumChannel || !vocabulary.has_pedals()) continue;
    const int instrument =
        channels[static_cast<size_t>(note.channel)].instrument;
    if (instrument == 0) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        "channel ", note.channel + 1, " plays ",
        std::string(InstrumentName(instrument)), ", but the vocabulary ",
        std::string(vocabulary.name()),
        " has pedal tokens and holds the piano alone; use --vocab=default"));
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
  for (const FileNote& note : list.notes) {
    const bool drum = note.channel == kDrumChannel;
    const Channel& channel = channels[static_cast<size_t>(note.channel)];
    used[static_cast<size_t>(drum ? kDrumInstrument : channel.instrument)] =
        true;
  }
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

void WriteNote(const Vocabulary& vocabulary, const Channels& channels,
               const TempoMap& tempos, const FileNote& note,
               EventWriter& writer) {
  if (note.channel == kDrumChannel) {
    if (vocabulary.has_drums()) writer.Other(vocabulary.DrumId(note.pitch));
    return;
  }
  const Channel& channel = channels[static_cast<size_t>(note.channel)];
  const int64_t end_tick = channel.SoundingEnd(note.end_tick);
  writer.Note(channel.instrument, note.pitch, note.velocity,
              tempos.DurationMs(note.start_tick, end_tick));
}

absl::StatusOr<std::vector<TokenId>> Tokenize(const Vocabulary& vocabulary,
                                              const NoteList& list,
                                              const TempoMap& tempos,
                                              const FileOptions& options) {
  auto channels = ReadChannels(vocabulary, list);
  if (!channels.ok()) return channels.status();
  std::vector<TokenId> tokens = Prefix(vocabulary, list, *channels);
  tokens.push_back(kBosToken);

  EventWriter writer(vocabulary, options.segment_ms, tokens);
  const std::vector<FileEvent> events = SortedEvents(vocabulary, list);
  const bool keep_silence =
      options.keep_silence && !options.inference_prompt_ms;
  const int64_t origin_tick = keep_silence ? 0 : events.front().tick;
  if (tempos.DurationMs(origin_tick, events.back().tick) > kMaxFileMs) {
    return absl::InvalidArgumentError(
        "the MIDI file lasts longer than 24 hours; cut it");
  }
  for (const FileEvent& event : events) {
    writer.MoveTo(tempos.DurationMs(origin_tick, event.tick));
    if (event.note != nullptr) {
      WriteNote(vocabulary, *channels, tempos, *event.note, writer);
    } else {
      writer.Other(vocabulary.pedals().begin + (event.pedal->down ? 0 : 1));
    }
  }
  return tokens;
}

}  // namespace

absl::StatusOr<std::vector<TokenId>> TokenizeLive(
    const Vocabulary& vocabulary, absl::Span<const TimedNote> notes,
    const LiveOptions& options) {
  if (auto status = CheckSegment(options.segment_ms); !status.ok()) {
    return status;
  }
  std::vector<TokenId> tokens = {kPianoPrefixToken, kBosToken};
  tokens.reserve(tokens.size() + 3 * notes.size() + 16);
  EventWriter writer(vocabulary, options.segment_ms, tokens);
  int64_t earliest_ms = options.origin_ms;
  for (size_t i = 0; i < notes.size(); ++i) {
    const TimedNote& note = notes[i];
    auto status = CheckLiveNote(note, i, earliest_ms, options.origin_ms);
    if (!status.ok()) return status;
    earliest_ms = note.onset_ms;
    writer.MoveTo(note.onset_ms - options.origin_ms);
    writer.Note(/*instrument=*/0, note.pitch, note.velocity, note.duration_ms);
  }
  return tokens;
}

absl::StatusOr<std::vector<TokenId>> TokenizeFile(const Vocabulary& vocabulary,
                                                  const MidiFile& file,
                                                  const FileOptions& options) {
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
  auto tokens = Tokenize(vocabulary, list, tempos, options);
  if (tokens.ok() && !options.inference_prompt_ms) {
    tokens->push_back(kEosToken);
  }
  return tokens;
}

}  // namespace antiphon::inference
