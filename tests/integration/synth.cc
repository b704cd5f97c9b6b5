// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/synth.h"

#include <algorithm>
#include <cstdint>

namespace antiphon::testing {
namespace {

constexpr int kPedal = 64;
constexpr int kAllNotesOff = 123;

class Synth {
 public:
  void Take(const std::vector<uint8_t>& bytes) {
    if (bytes.size() != 3) return;
    const int channel = bytes[0] & 0x0F;
    const Key key{channel, bytes[1]};
    switch (bytes[0] & 0xF0) {
      case 0x90:
        if (bytes[2] == 0) return LetGo(key);
        down_.insert(key);
        sounding_.insert(key);
        return;
      case 0x80:
        return LetGo(key);
      case 0xB0:
        if (bytes[1] == kPedal) return Press(channel, bytes[2] >= 64);
        if (bytes[1] != kAllNotesOff) return;
        std::erase_if(down_,
                      [=](const Key& k) { return k.channel == channel; });
        return Damp(channel);
      default:
        return;
    }
  }
  const std::set<Key>& sounding() const { return sounding_; }

 private:
  void LetGo(const Key& key) {
    down_.erase(key);
    Damp(key.channel);
  }
  void Press(int channel, bool down) {
    if (down) {
      pedals_.insert(channel);
    } else {
      pedals_.erase(channel);
    }
    Damp(channel);
  }
  void Damp(int channel) {
    if (pedals_.contains(channel)) return;
    std::erase_if(sounding_, [&](const Key& key) {
      return key.channel == channel && !down_.contains(key);
    });
  }

  std::set<Key> down_;
  std::set<Key> sounding_;
  std::set<int> pedals_;  // that are down, by channel
};

}  // namespace

std::set<Key> SoundingAfter(const std::vector<HeardEvent>& events,
                            size_t count) {
  Synth synth;
  for (size_t i = 0; i < std::min(count, events.size()); ++i) {
    synth.Take(events[i].bytes);
  }
  return synth.sounding();
}

size_t NextNoteOn(const std::vector<HeardEvent>& events, size_t from) {
  while (from < events.size() && !((events[from].bytes[0] & 0xF0) == 0x90 &&
                                   events[from].bytes[2] > 0)) {
    ++from;
  }
  return from;
}

}  // namespace antiphon::testing
