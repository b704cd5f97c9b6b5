// SPDX-License-Identifier: Apache-2.0
//
// The score: follows one bar from the player's keys to the answer's notes. One
// short function per row of the life of a bar (docs/architecture.md), in that
// order.
//
// Logical time: messages, replies and its own due times are events with a
// stamp, handled kSettle after it in the order of their stamps. A late wake-up
// changes no decision; an event that comes later than that is handled at the
// present logical time, keeps its stamp and is counted.
//
// Conductor thread only. Not real-time (it allocates and logs), but never
// waits.
#ifndef ANTIPHON_EDGE_CONDUCTOR_H_
#define ANTIPHON_EDGE_CONDUCTOR_H_

#include <cstdint>
#include <deque>
#include <limits>
#include <map>
#include <memory>
#include <memory_resource>
#include <optional>
#include <string>
#include <vector>

#include "common/midi/message.h"
#include "common/music/meter.h"
#include "common/music/timeline.h"
#include "common/rt/latest_value.h"
#include "common/rt/spsc_ring.h"
#include "edge/bars/bar_assembler.h"
#include "edge/client/accompanist.h"
#include "edge/clock/clock_follower.h"
#include "edge/plan/planner.h"
#include "edge/playback/playback.h"
#include "edge/session/bar_record.h"

namespace antiphon::edge {

// Told what happens, in order, by the conductor's thread: session files,
// metrics, people; in tests the checkers.
class SessionObserver {
 public:
  virtual ~SessionObserver() = default;
  virtual void OnHuman(const TimedMessage&) {}
  virtual void OnBarBegin(const BarSpan&, MonoTime /*line*/, Epoch) {}
  virtual void OnBarEnd(MonoTime /*line*/) {}  // of the bar that began last
  virtual void OnTelemetry(const Telemetry&) {}
  virtual void OnReply(const Reply&) {}
  virtual void OnJobPosted(JobId, bool /*accepted*/) {}
  // A due time of the conductor's own is about to be handled.
  virtual void OnDue() {}
  virtual void OnBar(const BarRecord&) {}
};

class Conductor {
 public:
  static constexpr int kLag = 1;
  static constexpr PlaySeq kContextBars =
      2;  // W: a context is W to 2W - 1 bars
  static constexpr size_t kMaxPending = 8192;
  static constexpr absl::Duration Settle() { return absl::Milliseconds(1); }
  static constexpr absl::Duration CutoffMargin() {
    return absl::Milliseconds(5);
  }

  struct Options {
    ClockFollower::Options meters;  // and the clock's offset
    Sampling sampling;
    uint64_t seed = 1;
    int channel = 0;    // of the answer, 0..15
    int transpose = 0;  // of the answer, semitones
    // The longest that playback sends a note ahead of its tick: cutoffs are
    // that much earlier.
    absl::Duration output_latency{};
    // The session's length: no bar from this play_seq on begins.
    PlaySeq bars = std::numeric_limits<PlaySeq>::max();
    absl::Duration job_timeout = absl::Seconds(5);
  };
  struct Counters {
    uint64_t late_events = 0;     // handled after their settle time
    uint64_t dropped_events = 0;  // kMaxPending
    uint64_t stale_replies = 0;   // of an older epoch or a forgotten job
    uint64_t late_notes = 0;      // of answers, after their own cutoff
  };

  // All outlive the conductor.
  Conductor(const Options& options, Accompanist* accompanist,
            SpscRing<PlaybackCommand>* playback,
            LatestValue<Timeline>* timeline, SpscRing<Telemetry>* telemetry,
            SessionObserver* observer);

  // What has arrived, stamped; in any order.
  void Push(const TimedMessage& message);
  // Takes replies and telemetry in, then handles every event whose stamp is at
  // least Settle() before `now`.
  void AdvanceTo(MonoTime now);
  // Ends the session: the bar under way is told as cut off.
  void Finish(MonoTime now);

  // ---- Replay, instead of Push and AdvanceTo: in the order once handled ----
  MonoTime next_due() const { return EarliestDue().at; }
  void ReplayDue();
  void Replay(const TimedMessage& message);
  void Replay(const Reply& reply);

  const Timeline& timeline() const { return follower_.timeline(); }
  const ClockFollower& follower() const { return follower_; }
  const Counters& counters() const { return counters_; }
  bool connected() const { return connected_; }
  size_t open_jobs() const { return sent_at_.size(); }

 private:
  enum class Due { kClock, kLine, kCutoff, kRecord, kTimeout };
  struct NextDue {
    MonoTime at = MonoTime::Max();
    Due what = Due::kClock;
  };

  // ---- Events in time order ----
  void TakeReplies();
  void TakeTelemetry();
  bool HandleOne(MonoTime up_to);
  NextDue EarliestDue() const;
  void HandleDue(const NextDue& due);

  // ---- The life of a bar ----
  void OnMessage(const TimedMessage& message);  // rows 1-3
  void OnClockChange(ClockFollower::Change change, MonoTime at);
  void OnLine(MonoTime at);                     // row 3: the bar closes
  void OnCut(const BarSpan& bar, MonoTime at);  // row 4
  void OnReply(const Reply& reply);             // row 7
  void OnChunk(Plan& plan, const Reply& reply);
  void OnCutoff(MonoTime at);                    // row 8
  void OnTelemetry(const Telemetry& telemetry);  // row 9
  void CountTelemetry(const Telemetry& telemetry);
  void OnRecord();  // row 10
  void OnTimeout(MonoTime at);

  // ---- Between the rows ----
  void StartEpoch(MonoTime at);
  void OnLoop();
  void BeginBar(const BarSpan& bar);
  void BreakEpoch();
  void EndJob(JobId job);
  void CancelJob(JobId job);
  void FillTempos(Context& context) const;
  void Report(const BarRecord& record);
  void Schedule(const Plan& plan, size_t from);
  void EmitRecord(PlaySeq seq, bool cut_off);
  void LogSchedule(const Plan& plan, const BarSpan& bar) const;
  PlaySeq OriginOf(PlaySeq bar) const;
  std::optional<MonoTime> CutoffOf(PlaySeq seq) const;
  MonoTime CutoffAt(Ticks position) const;

  // Constant after construction.
  const Options options_;
  Accompanist* const accompanist_;
  SpscRing<PlaybackCommand>* const playback_;
  LatestValue<Timeline>* const published_;
  SpscRing<Telemetry>* const telemetry_;
  SessionObserver* const observer_;

  // Conductor thread. What the maps give back is theirs to take again: after
  // the first bars a bar line allocates nothing.
  std::pmr::unsynchronized_pool_resource pool_;
  ClockFollower follower_;
  BarAssembler assembler_;
  Planner planner_;
  std::deque<TimedMessage> messages_;  // by stamp
  std::deque<Reply> replies_;          // by stamp
  MonoTime logical_now_ = MonoTime::Min();
  std::optional<BarSpan> current_;      // the bar that is played
  PlaySeq next_cutoff_ = 0;             // bar whose outcome is decided next
  std::optional<MonoTime> record_due_;  // of the bars before the present one
  std::deque<Telemetry> early_;         // of the bar that has not begun
  // Bars begun and not yet told.
  std::pmr::map<PlaySeq, BarRecord> records_{&pool_};
  // Of bars decided and not yet told.
  std::pmr::map<PlaySeq, MonoTime> cutoffs_{&pool_};
  // Of the last bars, at their end.
  std::pmr::map<PlaySeq, double> tempos_{&pool_};
  // Of the jobs that are open.
  std::pmr::map<JobId, MonoTime> sent_at_{&pool_};
  std::pmr::map<JobId, MonoTime> started_at_{&pool_};
  JobId last_job_ = 0;
  bool connected_ = false;
  Counters counters_;
  std::unique_ptr<AccompanistCommand> command_;  // too large for a stack
};

}  // namespace antiphon::edge

#endif  // ANTIPHON_EDGE_CONDUCTOR_H_
