// SPDX-License-Identifier: Apache-2.0
#include "inference/aria/detokenizer.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace antiphon::inference {
namespace {

constexpr int kDrumVelocity = 60;
constexpr int kPedalDownValue = 127;
// 500 ticks of 1 ms each are a quarter note at 120 a minute.
constexpr int kTicksPerQuarter = 500;
constexpr uint32_t kUsPerQuarter = 500'000;

// General MIDI programs by instrument; the last one is the drums'.
constexpr std::array<int, kDrumInstrument + 1> kPrograms = {
    0, 16, 24, 32, 40, 48, 56, 64, 73, 80, 0};

class Reader {
 public:
  Reader(const Vocabulary& vocabulary, absl::Span<const TokenId> tokens,
         int segment_ms)
      : vocabulary_(vocabulary), tokens_(tokens), segment_ms_(segment_ms) {}

  absl::StatusOr<NoteList> Read() && {
    const size_t first = ReadPrefixes();
    if (vocabulary_.has_pedals() &&
        (list_.programs.size() != 1 || list_.programs[0].program != 0)) {
      return absl::InvalidArgumentError(
          absl::StrCat("the tokens have ", list_.programs.size(),
                       " instrument prefixes; the vocabulary ",
                       std::string(vocabulary_.name()),
                       " needs exactly one, prefix:instrument:piano"));
    }
    for (size_t i = first; i + 2 < tokens_.size(); ++i) ReadEvent(i);
    std::stable_sort(list_.notes.begin(), list_.notes.end(),
                     [](const FileNote& a, const FileNote& b) {
                       return a.start_tick < b.start_tick;
                     });
    if (list_.programs.empty()) list_.programs.push_back({});
    return std::move(list_);
  }

 private:
  // Up to the first token that is neither special nor a prefix; its index.
  size_t ReadPrefixes() {
    size_t i = 0;
    for (; i < tokens_.size(); ++i) {
      const TokenClass kind = vocabulary_.ClassOf(tokens_[i]);
      if (kind == TokenClass::kPrefix) {
        ReadPrefix(tokens_[i] - vocabulary_.prefixes().begin);
      } else if (kind != TokenClass::kSpecial) {
        break;
      } else if (tokens_[i] == kTimeStepToken) {
        now_ms_ += segment_ms_;
      }
    }
    return i;
  }

  void ReadPrefix(int instrument) {
    if (instrument > kDrumInstrument) return;  // composer, form, genre
    std::optional<int>& channel = channels_[static_cast<size_t>(instrument)];
    if (channel) return;
    if (instrument == kDrumInstrument) {
      channel = kDrumChannel;
    } else {
      if (next_channel_ == kDrumChannel) ++next_channel_;
      channel = next_channel_++;
    }
    list_.programs.push_back(
        {*channel, kPrograms[static_cast<size_t>(instrument)], 0});
  }

  // There are two more tokens after the one at `i`.
  void ReadEvent(size_t i) {
    const TokenId id = tokens_[i];
    const TokenId second = tokens_[i + 1];
    const TokenId third = tokens_[i + 2];
    const bool onset = vocabulary_.onsets().Contains(second);
    switch (vocabulary_.ClassOf(id)) {
      case TokenClass::kSpecial:
        if (id == kTimeStepToken) now_ms_ += segment_ms_;
        break;
      case TokenClass::kPedal:
        ReadPedal(id == vocabulary_.PedalId(true), second);
        break;
      case TokenClass::kDrum:
        if (onset) {
          const int note = id - vocabulary_.drums().begin + kFirstDrumNote;
          AddNote(kDrumInstrument, note, kDrumVelocity,
                  vocabulary_.OnsetMs(second), kTimeStepMs);
        }
        break;
      case TokenClass::kNote:
        if (onset && vocabulary_.durs().Contains(third)) {
          const NoteToken note = vocabulary_.NoteOf(id);
          AddNote(note.instrument, note.pitch, note.velocity,
                  vocabulary_.OnsetMs(second), vocabulary_.DurMs(third));
        }
        break;
      default:
        break;
    }
  }

  // The reference adds whatever number the next token carries, and stops with
  // an error where it carries none; such a pedal is skipped here.
  void ReadPedal(bool down, TokenId next) {
    int64_t ms = 0;
    switch (vocabulary_.ClassOf(next)) {
      case TokenClass::kOnset:
        ms = vocabulary_.OnsetMs(next);
        break;
      case TokenClass::kDur:
        ms = vocabulary_.DurMs(next);
        break;
      case TokenClass::kNote:
        ms = vocabulary_.PitchOf(next);
        break;
      case TokenClass::kDrum:
        ms = next - vocabulary_.drums().begin + kFirstDrumNote;
        break;
      default:
        return;
    }
    list_.pedals.push_back({0, down, now_ms_ + ms});
  }

  void AddNote(int instrument, int pitch, int velocity, int onset_ms,
               int duration_ms) {
    const std::optional<int> channel =
        channels_[static_cast<size_t>(instrument)];
    if (!channel) return;
    const int64_t start = now_ms_ + onset_ms;
    list_.notes.push_back(
        {*channel, pitch, velocity, start, start + duration_ms});
  }

  const Vocabulary& vocabulary_;
  const absl::Span<const TokenId> tokens_;
  const int segment_ms_;
  std::array<std::optional<int>, kDrumInstrument + 1> channels_;
  int next_channel_ = 0;
  int64_t now_ms_ = 0;
  NoteList list_;
};

// Of notes on one key that overlap, the earlier ends where the later begins.
// Thereby no note-off can fall into another note, which the reference checks.
void CutOverlaps(std::vector<FileNote>& notes) {
  std::vector<FileNote*> by_key;
  by_key.reserve(notes.size());
  for (FileNote& note : notes) by_key.push_back(&note);
  const auto key = [](const FileNote& n) {
    return std::array<int64_t, 4>{n.channel, n.pitch, n.start_tick, n.end_tick};
  };
  std::stable_sort(
      by_key.begin(), by_key.end(),
      [&](const FileNote* a, const FileNote* b) { return key(*a) < key(*b); });
  for (size_t i = 1; i < by_key.size(); ++i) {
    FileNote& before = *by_key[i - 1];
    const FileNote& note = *by_key[i];
    if (before.channel == note.channel && before.pitch == note.pitch) {
      before.end_tick = std::min(before.end_tick, note.start_tick);
    }
  }
}

MidiFileEvent Message(int64_t tick, int status, int channel, int first,
                      std::optional<int> second) {
  const auto byte = [](int value) { return static_cast<uint8_t>(value); };
  return {tick,
          byte(second ? 3 : 2),
          {byte(status | channel), byte(first), byte(second.value_or(0))}};
}

// Place of an event among those of its tick.
int Rank(const MidiFileEvent& event) {
  const bool note = (event.bytes[0] & 0xF0) == 0x90;
  return note ? event.bytes[2] : 1000;
}

// Calls on_dur(absolute onset, duration) for each dur behind an onset, from the
// last one on, until it returns false.
template <typename OnDur>
void WalkBack(const Vocabulary& vocabulary, absl::Span<const TokenId> tokens,
              int segment_ms, OnDur on_dur) {
  int64_t segments = std::count(tokens.begin(), tokens.end(), kTimeStepToken);
  for (size_t i = tokens.size(); i-- > 1;) {
    if (tokens[i] == kTimeStepToken) --segments;
    if (!vocabulary.durs().Contains(tokens[i]) ||
        !vocabulary.onsets().Contains(tokens[i - 1])) {
      continue;
    }
    const int64_t onset =
        segments * segment_ms + vocabulary.OnsetMs(tokens[i - 1]);
    if (!on_dur(onset, vocabulary.DurMs(tokens[i]))) return;
  }
}

}  // namespace

absl::StatusOr<NoteList> Detokenize(const Vocabulary& vocabulary,
                                    absl::Span<const TokenId> tokens,
                                    int segment_ms) {
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (vocabulary.ClassOf(tokens[i]) != TokenClass::kInvalid) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        "token ", i, " is id ", tokens[i], "; the vocabulary ",
        std::string(vocabulary.name()), " has 0 to ", vocabulary.size() - 1));
  }
  return Reader(vocabulary, tokens, segment_ms).Read();
}

MidiFile ToMidi(const NoteList& list) {
  MidiFile file;
  file.ticks_per_quarter = kTicksPerQuarter;
  file.tempos.push_back({0, kUsPerQuarter});
  std::vector<FileNote> notes = list.notes;
  CutOverlaps(notes);
  std::vector<MidiFileEvent> events;
  for (const PedalChange& pedal : list.pedals) {
    events.push_back(Message(pedal.tick, 0xB0, pedal.channel,
                             kSustainController,
                             pedal.down ? kPedalDownValue : 0));
  }
  for (const ProgramChange& program : list.programs) {
    events.push_back(Message(program.tick, 0xC0, program.channel,
                             program.program, std::nullopt));
  }
  for (const FileNote& note : notes) {
    events.push_back(Message(note.start_tick, 0x90, note.channel, note.pitch,
                             note.velocity));
  }
  for (const FileNote& note : notes) {
    events.push_back(Message(note.end_tick, 0x90, note.channel, note.pitch, 0));
  }
  std::stable_sort(events.begin(), events.end(),
                   [](const MidiFileEvent& a, const MidiFileEvent& b) {
                     return std::pair(a.tick, Rank(a)) <
                            std::pair(b.tick, Rank(b));
                   });
  MidiFileTrack track;
  track.end_tick = events.empty() ? 0 : events.back().tick;
  track.events = std::move(events);
  file.tracks.push_back(std::move(track));
  return file;
}

int64_t LengthMs(const Vocabulary& vocabulary, absl::Span<const TokenId> tokens,
                 int segment_ms) {
  int64_t length = 0;
  WalkBack(vocabulary, tokens, segment_ms,
           [&length](int64_t onset, int duration) {
             length = std::max(length, onset + duration);
             return onset + kMaxDurationMs >= length;
           });
  return length;
}

int64_t LastOnsetMs(const Vocabulary& vocabulary,
                    absl::Span<const TokenId> tokens, int segment_ms) {
  int64_t last = 0;
  WalkBack(vocabulary, tokens, segment_ms, [&last](int64_t onset, int) {
    last = onset;
    return false;
  });
  return last;
}

absl::Span<const TokenId> TruncateByTime(const Vocabulary& vocabulary,
                                         absl::Span<const TokenId> tokens,
                                         int64_t limit_ms, int segment_ms) {
  int64_t segment = 0;
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i] == kTimeStepToken) segment += segment_ms;
    if (vocabulary.onsets().Contains(tokens[i]) &&
        segment + vocabulary.OnsetMs(tokens[i]) > limit_ms) {
      return tokens.first(i > 0 ? i - 1 : 0);
    }
  }
  return tokens;
}

}  // namespace antiphon::inference
