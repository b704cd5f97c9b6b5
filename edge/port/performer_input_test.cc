// SPDX-License-Identifier: Apache-2.0
//
// The thread shell with scripted performers whose messages are due at once or
// never, so that no test waits for music.
#include "edge/port/performer_input.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "common/rt/clock.h"

namespace antiphon::edge {
namespace {

class Script : public Performer {
 public:
  explicit Script(std::vector<TimedMessage> messages)
      : messages_(std::move(messages)) {}

  std::optional<TimedMessage> Next() override {
    if (given_ == messages_.size()) return std::nullopt;
    return messages_[given_++];
  }

 private:
  std::vector<TimedMessage> messages_;
  size_t given_ = 0;
};

std::vector<TimedMessage> Drain(MidiRing& ring) {
  std::vector<TimedMessage> out;
  TimedMessage m;
  while (ring.TryPop(m)) out.push_back(m);
  return out;
}

void WaitUntilFinished(const PerformerInput& input) {
  while (!input.finished()) std::this_thread::yield();
}

TEST(PerformerInput, StampsAreIdealAndOrderIsKept) {
  const MonoTime now = rt::Now();
  const std::vector<TimedMessage> wanted = {
      {now - absl::Seconds(2), MidiMessage::Start()},
      {now - absl::Seconds(1), MidiMessage::Clock()},
      {now + absl::Milliseconds(2), MidiMessage::NoteOn(1, 60, 9)}};
  Script script(wanted);
  MidiRing ring(kMidiRingCapacity);
  PerformerInput input(&script, &ring);
  WaitUntilFinished(input);
  EXPECT_GE(rt::Now(), wanted.back().at)
      << "nothing is pushed before it is due";
  EXPECT_EQ(Drain(ring), wanted);
}

TEST(PerformerInput, EndedEarlyItClosesWithStop) {
  Script script({{rt::Now(), MidiMessage::Start()},
                 {rt::Now() + absl::Hours(1), MidiMessage::Clock()}});
  MidiRing ring(kMidiRingCapacity);
  PerformerInput input(&script, &ring);
  std::vector<TimedMessage> got;
  while (got.empty()) got = Drain(ring);
  EXPECT_TRUE(got[0].message.IsStart());
  EXPECT_FALSE(input.finished());
  input.Stop();
  EXPECT_TRUE(input.finished());
  got = Drain(ring);
  ASSERT_EQ(got.size(), 1u);
  EXPECT_TRUE(got[0].message.IsStop());
}

TEST(PerformerInput, FullRingDropsAndCounts) {
  Script script(
      std::vector<TimedMessage>(10, {rt::Now(), MidiMessage::Clock()}));
  MidiRing ring(4);
  PerformerInput input(&script, &ring);
  WaitUntilFinished(input);
  EXPECT_EQ(Drain(ring).size() + ring.dropped(), 10u);
  EXPECT_GT(ring.dropped(), 0u);
}

}  // namespace
}  // namespace antiphon::edge
