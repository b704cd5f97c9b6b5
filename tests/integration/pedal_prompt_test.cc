// SPDX-License-Identifier: Apache-2.0
//
// What a player does, through the edge, over the wire, to the prompt of a model
// with pedal tokens: at every job what the batch tokenizer says of a MIDI file
// of the same playing. A file that stops at the cut lets everything go there;
// as in Aria's demo, the last pedal up, which nobody played, is taken out
// again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <tuple>
#include <vector>

#include "common/midi/message.h"
#include "common/music/timeline.h"
#include "edge/bars/bar_assembler.h"
#include "edge/client/wire.h"
#include "inference/aria/tokenizer.h"
#include "inference/engine/prompt.h"
#include "inference/service/wire.h"

namespace antiphon {
namespace {

using inference::TokenId;
using inference::Vocabulary;
using inference::VocabularyKind;

constexpr int64_t kBarTicks = 1920;
constexpr int kBars = 24;

struct Played {
  int64_t tick = 0;
  MidiMessage message;
};

// A pianist of 4/4 at 125 BPM, where a tick is a millisecond: keys and pedal,
// no two changes in one tick, no onset so near a line that it is a downbeat of
// the next bar.
std::vector<Played> Playing(uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto below = [&random](uint64_t n) { return random() % n; };
  std::vector<Played> playing;
  std::array<bool, 128> down{};
  bool pedal = false;
  for (int64_t tick = 7; tick < kBars * kBarTicks;
       tick += 1 + static_cast<int64_t>(below(90))) {
    const int pitch = 48 + static_cast<int>(below(8));
    bool& key = down[static_cast<size_t>(pitch)];
    if (below(8) == 0) {
      // Now and then a controller repeats itself or is half pressed.
      if (below(4) > 0) pedal = !pedal;
      const int value = static_cast<int>(below(64)) + (pedal ? 64 : 0);
      playing.push_back({tick, MidiMessage::ControlChange(0, 64, value)});
    } else if (key) {
      playing.push_back({tick, MidiMessage::NoteOff(0, pitch)});
      key = false;
    } else if (tick % kBarTicks < kBarTicks - 60) {
      const int velocity = 1 + static_cast<int>(below(127));
      playing.push_back({tick, MidiMessage::NoteOn(0, pitch, velocity)});
      key = true;
    }
  }
  return playing;
}

// The playing from `begin` up to, excluding, `end`, as a file of its own.
class Recording {
 public:
  Recording(const std::vector<Played>& playing, int64_t begin, int64_t end)
      : begin_(begin) {
    file_.ticks_per_quarter = 480;
    file_.tempos = {{0, 480'000}};
    file_.tracks.resize(1);
    bool pedal_before = false;
    for (const Played& event : playing) {
      const bool is_pedal = event.message.IsControlChange();
      if (event.tick < begin && is_pedal) {
        pedal_before = event.message.value() >= 64;
      }
    }
    if (pedal_before) Add(begin, MidiMessage::ControlChange(0, 64, 127));
    pedal_down_ = pedal_down_at_begin_ = pedal_before;
    for (const Played& event : playing) {
      if (event.tick >= begin && event.tick < end) Play(event);
    }
    for (int pitch = 0; pitch < 128; ++pitch) {
      if (sounds_[static_cast<size_t>(pitch)]) {
        Add(end, MidiMessage::NoteOff(0, pitch));
      }
    }
    if (pedal_down_) Add(end, MidiMessage::ControlChange(0, 64, 0));
  }

  std::vector<TokenId> Tokens(const Vocabulary& vocabulary) const {
    inference::FileOptions options;
    options.keep_silence = true;
    options.remove_redundant_pedals = true;
    const auto tokens = inference::TokenizeFile(vocabulary, file_, options);
    EXPECT_TRUE(tokens.ok()) << tokens.status();
    std::vector<TokenId> prompt(tokens->begin(), tokens->end() - 1);  // no <E>
    if (vocabulary.has_pedals() && pedal_down_ && prompt.size() > 2 &&
        *(prompt.end() - 2) == vocabulary.PedalId(false)) {
      prompt.resize(prompt.size() - 2);
    }
    if (const auto delimiter = vocabulary.delimiter()) {
      prompt.push_back(*delimiter);
    }
    return prompt;
  }

  bool pedal_down_at_begin() const { return pedal_down_at_begin_; }
  bool pedal_down_at_end() const { return pedal_down_; }

 private:
  void Play(const Played& event) {
    const MidiMessage& m = event.message;
    Add(event.tick, m);
    if (m.IsControlChange()) {
      pedal_down_ = m.value() >= 64;
    } else {
      sounds_[static_cast<size_t>(m.pitch())] = m.IsNoteOn();
    }
  }
  void Add(int64_t tick, const MidiMessage& m) {
    file_.tracks[0].events.push_back(
        {tick - begin_, 3, {m.data()[0], m.data()[1], m.data()[2]}});
  }

  int64_t begin_;
  MidiFile file_;
  std::array<bool, 128> sounds_{};
  bool pedal_down_at_begin_ = false;
  bool pedal_down_ = false;
};

class PedalPromptTest
    : public ::testing::TestWithParam<std::tuple<VocabularyKind, uint64_t>> {
 protected:
  PedalPromptTest() {
    timeline_.set_running(true);
    timeline_.AddAnchor(Ticks(), MonoTime::FromNanos(0), 1e6);
    SetBar(0);
    info_.vocabulary_rows = vocabulary_.size();
  }

  void SetBar(int64_t bar) {
    timeline_.SetBar({static_cast<PlaySeq>(bar), bar,
                      Ticks::Of(bar * kBarTicks),
                      Ticks::Of((bar + 1) * kBarTicks), Meter{}});
  }

  // What the service makes of bar `bar` and those before it from `origin` on.
  std::optional<inference::Prompt> PromptOf(int64_t origin, int64_t bar) {
    auto job = std::make_unique<edge::Job>();
    job->id = 1;
    job->play_seq = static_cast<PlaySeq>(bar);
    job->bar_index = bar;
    job->target_play_seq = job->play_seq + 2;
    job->cut = Ticks::Of((bar + 1 - origin) * kBarTicks);
    edge::Context& context = job->context;
    bars_.FillContext(static_cast<PlaySeq>(origin), job->play_seq,
                      Ticks::Of((bar + 1) * kBarTicks), timeline_, context);
    context.tempos[static_cast<size_t>(context.tempo_count++)] = {Ticks(), 125};
    const v1::EdgeMessage message =
        edge::JobMessage(*job, absl::Milliseconds(500));
    const auto read = inference::ToJob(message.job(), MonoTime());
    EXPECT_TRUE(read.ok()) << read.status();
    return inference::PromptOf(*read, vocabulary_, info_, 100'000);
  }

  const Vocabulary vocabulary_{std::get<0>(GetParam())};
  inference::ModelInfo info_;
  Timeline timeline_;
  edge::BarAssembler bars_;
};

TEST_P(PedalPromptTest, IsWhatTheBatchTokenizerSaysOfTheSamePlaying) {
  int down_at_the_origin = 0;
  int down_at_the_cut = 0;
  const std::vector<Played> playing = Playing(std::get<1>(GetParam()));
  auto next = playing.begin();
  for (int64_t bar = 0; bar < kBars; ++bar) {
    const int64_t cut = (bar + 1) * kBarTicks;
    SetBar(bar + 1);
    for (; next != playing.end() && next->tick < cut; ++next) {
      bars_.OnMessage(
          {MonoTime::FromNanos(next->tick * 1'000'000), next->message},
          timeline_);
    }
    // The context grows from two bars to three, then its origin moves.
    const int64_t origin = 2 * std::max<int64_t>(0, (bar + 1) / 2 - 1);
    const Recording recording(playing, origin * kBarTicks, cut);
    const auto prompt = PromptOf(origin, bar);
    ASSERT_TRUE(prompt.has_value());
    EXPECT_EQ(prompt->tokens, recording.Tokens(vocabulary_)) << "bar " << bar;
    down_at_the_cut += recording.pedal_down_at_end();
    down_at_the_origin += recording.pedal_down_at_begin();
  }
  EXPECT_GT(down_at_the_origin, 0);
  EXPECT_GT(down_at_the_cut, 0);
}

INSTANTIATE_TEST_SUITE_P(
    Vocabularies, PedalPromptTest,
    ::testing::Combine(::testing::Values(VocabularyKind::kDefault,
                                         VocabularyKind::kDemo25,
                                         VocabularyKind::kDemo26),
                       ::testing::Range<uint64_t>(1, 11)));

}  // namespace
}  // namespace antiphon
