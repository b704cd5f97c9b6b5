// SPDX-License-Identifier: Apache-2.0
#include "inference/aria/note_list.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

namespace antiphon::inference {
namespace {

constexpr int kPedalDownFrom = 64;

// General MIDI families (program / 8) to instruments; −1 = not in Aria.
constexpr std::array<int, 16> kInstrumentOfFamily = {
    0, -1, 1, 2, 3, 4, 5, 6, 7, 8, 9, -1, -1, -1, -1, -1};

// The notes of one track that are sounding, per channel and pitch.
class OpenNotes {
 public:
  void On(int channel, int pitch, int velocity, int64_t tick) {
    At(channel, pitch).push_back({channel, pitch, velocity, tick, tick});
  }

  // Ends every open note of the key but those that start on this very tick:
  // they stay open beside one that ended, else they vanish.
  void Off(int channel, int pitch, int64_t tick, std::vector<FileNote>& ended) {
    std::vector<FileNote>& open = At(channel, pitch);
    std::vector<FileNote> kept;
    bool any_ended = false;
    for (FileNote& note : open) {
      if (note.start_tick == tick) {
        kept.push_back(note);
        continue;
      }
      note.end_tick = tick;
      ended.push_back(note);
      any_ended = true;
    }
    if (!any_ended) kept.clear();
    open = std::move(kept);
  }

 private:
  std::vector<FileNote>& At(int channel, int pitch) {
    return open_[static_cast<size_t>(channel) * kPitches +
                 static_cast<size_t>(pitch)];
  }

  std::vector<std::vector<FileNote>> open_ =
      std::vector<std::vector<FileNote>>(size_t{kChannels} * kPitches);
};

void ReadTrack(const MidiFileTrack& track, NoteList& list) {
  OpenNotes open;
  for (const MidiFileEvent& event : track.events) {
    const int channel = event.bytes[0] & 0x0F;
    const int first = event.bytes[1];
    const int second = event.bytes[2];
    switch (event.bytes[0] & 0xF0) {
      case 0x90:
        if (second > 0) {
          open.On(channel, first, second, event.tick);
          break;
        }
        [[fallthrough]];
      case 0x80:
        open.Off(channel, first, event.tick, list.notes);
        break;
      case 0xB0:
        if (first == kSustainController) {
          list.pedals.push_back(
              {channel, second >= kPedalDownFrom, event.tick});
        }
        break;
      case 0xC0:
        list.programs.push_back({channel, first, event.tick});
        break;
      default:
        break;
    }
  }
}

bool IsIgnored(const Vocabulary& vocabulary, int program) {
  if (program == 0) return false;
  const int instrument = kInstrumentOfFamily[static_cast<size_t>(program / 8)];
  return instrument < 0 || instrument >= vocabulary.instruments();
}

// Ticks at which notes of the channel end, in order.
std::vector<int64_t> EndsOf(const NoteList& list, int channel) {
  std::vector<int64_t> ends;
  for (const FileNote& note : list.notes) {
    if (note.channel == channel) ends.push_back(note.end_tick);
  }
  std::sort(ends.begin(), ends.end());
  return ends;
}

// Whether a note ends in (on, off].
bool AnyIn(const std::vector<int64_t>& ends, int64_t on, int64_t off) {
  const auto end = std::upper_bound(ends.begin(), ends.end(), on);
  return end != ends.end() && *end <= off;
}

// By change, whether it is one of the channel's that no note needs.
std::vector<bool> Redundant(const NoteList& list, int channel) {
  std::vector<bool> drop(list.pedals.size(), false);
  const std::vector<int64_t> ends = EndsOf(list, channel);
  std::optional<size_t> pressed;  // index of the press that is down
  for (size_t i = 0; i < list.pedals.size(); ++i) {
    const PedalChange& change = list.pedals[i];
    if (change.channel != channel) continue;
    const bool last_of_all = i + 1 == list.pedals.size();
    if (ends.empty() || (last_of_all && change.down)) drop[i] = true;
    if (change.down) {
      if (pressed) {
        drop[i] = true;
      } else {
        pressed = i;
      }
    } else if (!pressed) {
      drop[i] = true;
    } else {
      if (!AnyIn(ends, list.pedals[*pressed].tick, change.tick)) {
        drop[i] = drop[*pressed] = true;
      }
      pressed.reset();
    }
  }
  return drop;
}

}  // namespace

NoteList ReadNotes(const MidiFile& file) {
  NoteList list;
  for (size_t track = 0; track < file.tracks.size(); ++track) {
    const size_t before = list.notes.size();
    ReadTrack(file.tracks[track], list);
    for (size_t i = before; i < list.notes.size(); ++i) {
      list.notes[i].track = track;
    }
  }
  const auto by_start = [](const FileNote& a, const FileNote& b) {
    return a.start_tick < b.start_tick;
  };
  const auto by_tick = [](const auto& a, const auto& b) {
    return a.tick < b.tick;
  };
  std::stable_sort(list.notes.begin(), list.notes.end(), by_start);
  std::stable_sort(list.pedals.begin(), list.pedals.end(), by_tick);
  std::stable_sort(list.programs.begin(), list.programs.end(), by_tick);
  if (list.programs.empty()) list.programs.push_back({});
  return list;
}

void DropIgnoredInstruments(const Vocabulary& vocabulary, NoteList& list) {
  std::array<bool, kChannels> ignored{};
  for (const ProgramChange& change : list.programs) {
    if (change.channel != kDrumChannel &&
        IsIgnored(vocabulary, change.program)) {
      ignored[static_cast<size_t>(change.channel)] = true;
    }
  }
  const auto is_ignored = [&ignored](const auto& message) {
    return ignored[static_cast<size_t>(message.channel)];
  };
  std::erase_if(list.notes, is_ignored);
  std::erase_if(list.pedals, is_ignored);
  std::erase_if(list.programs, is_ignored);
}

void RemoveRedundantPedals(NoteList& list) {
  // Channel by channel, because "the very last change" is that of what the
  // channels before have left.
  for (int channel = 0; channel < kChannels; ++channel) {
    const std::vector<bool> drop = Redundant(list, channel);
    size_t kept = 0;
    for (size_t i = 0; i < list.pedals.size(); ++i) {
      if (!drop[i]) list.pedals[kept++] = list.pedals[i];
    }
    list.pedals.resize(kept);
  }
}

void KeepFirst(const TempoMap& tempos, int64_t limit_ms, NoteList& list) {
  std::erase_if(list.notes, [&](const FileNote& note) {
    return tempos.DurationMs(0, note.start_tick) > limit_ms;
  });
  std::erase_if(list.pedals, [&](const PedalChange& change) {
    return tempos.DurationMs(0, change.tick) > limit_ms;
  });
  if (!list.pedals.empty() && list.pedals.back().down) list.pedals.pop_back();
}

std::array<std::optional<int>, kChannels> InstrumentsOf(const NoteList& list) {
  std::array<std::optional<int>, kChannels> programs;
  for (const FileNote& note : list.notes) {
    programs[static_cast<size_t>(note.channel)] = 0;
  }
  for (const ProgramChange& change : list.programs) {
    programs[static_cast<size_t>(change.channel)] = change.program;
  }
  programs[kDrumChannel].reset();
  std::array<std::optional<int>, kChannels> instruments;
  for (size_t i = 0; i < kChannels; ++i) {
    if (!programs[i]) continue;
    const int instrument =
        kInstrumentOfFamily[static_cast<size_t>(*programs[i] / 8)];
    if (instrument >= 0) instruments[i] = instrument;
  }
  return instruments;
}

}  // namespace antiphon::inference
