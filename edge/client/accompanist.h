// SPDX-License-Identifier: Apache-2.0
//
// What the conductor needs of whoever answers: jobs out, answers in. The
// interface between the conductor (logic, logical time) and the client
// (threads, gRPC). All structs are of fixed size and cross threads by plain
// copy.
//
// Post() is called by the conductor's thread and never waits: false = the queue
// is full, the command is dropped and counted. Poll() is called by the same
// thread. A stream that was lost is announced by kDisconnected; jobs that were
// open are sent again by the client after it has connected anew while they are
// before their cutoff.
#ifndef ANTIPHON_EDGE_CLIENT_ACCOMPANIST_H_
#define ANTIPHON_EDGE_CLIENT_ACCOMPANIST_H_

#include <array>
#include <cstdint>

#include "common/music/meter.h"
#include "common/music/note.h"
#include "common/music/ticks.h"
#include "common/time/mono_time.h"

namespace antiphon::edge {

inline constexpr int kMaxContextNotes = 1024;
inline constexpr int kMaxContextPedals = 256;
inline constexpr int kMaxContextTempos = 64;
inline constexpr int kMaxContextBars = 16;
inline constexpr int kMaxChunkNotes = 64;

using JobId = uint64_t;

struct Sampling {
  bool from_card = true;  // leave it to the model card; the rest is then unused
  double temperature = 0.8;
  double top_p = 0.9;
};

struct Context {
  struct Bar {
    Ticks begin;  // from the origin
    Meter meter;
  };
  PlaySeq origin = 0;  // bar whose line is tick 0
  int note_count = 0;
  int pedal_count = 0;
  int tempo_count = 0;
  int bar_count = 0;
  std::array<Note, kMaxContextNotes> notes;  // by tick, from the origin
  std::array<PedalChange, kMaxContextPedals> pedals;
  std::array<TempoChange, kMaxContextTempos>
      tempos;  // the first at or before 0
  std::array<Bar, kMaxContextBars> bars;
};

struct Job {
  JobId id = 0;
  Epoch epoch = 0;
  PlaySeq play_seq = 0;  // the human bar
  BarIndex bar_index = 0;
  PlaySeq target_play_seq = 0;
  BarIndex target_bar_index = 0;
  Meter target_meter;
  Ticks cut;  // from the origin
  Sampling sampling;
  uint64_t seed = 0;
  // Of the target bar. The client turns it into a budget when it writes the
  // job: cutoff - p95 round trip - now, at most 60 s.
  MonoTime cutoff;
  Context context;
};

struct BarReport {
  Epoch epoch = 0;
  PlaySeq play_seq = 0;  // of the bar that sounded
  BarIndex bar_index = 0;
  Outcome outcome = Outcome::kSilence;
  Reason reason = Reason::kNoInput;
  bool has_slack = false;
  int64_t slack_us = 0;
  uint32_t notes = 0;
  uint32_t sent = 0;
  uint32_t late = 0;
};

struct AccompanistCommand {
  enum class Kind : uint8_t { kJob, kCancel, kReport };
  Kind kind = Kind::kJob;
  JobId cancel = 0;
  BarReport report;
  Job job;
};

enum class EndReason : uint8_t {
  kNone,
  kComplete,
  kEmpty,
  kShortened,
  kCancelled,
  kInvalid
};

// What came back, stamped on arrival.
struct Reply {
  enum class Kind : uint8_t {
    kStarted,       // the job was written to the stream
    kChunk,         // notes, perhaps the last
    kRefused,       // the service declined the job
    kConnected,     // after Welcome
    kDisconnected,  // the stream ended or could not be opened
  };
  Kind kind = Kind::kChunk;
  MonoTime at{};
  JobId job_id = 0;
  Epoch epoch = 0;
  PlaySeq play_seq = 0;  // of the human bar
  BarIndex bar_index = 0;
  int note_count = 0;
  bool done = false;
  EndReason end_reason = EndReason::kNone;
  uint32_t tokens = 0;
  struct AnswerNote {
    uint32_t index = 0;  // within the answer
    Note note;           // ticks from the target bar's line
  };
  std::array<AnswerNote, kMaxChunkNotes> notes{};
};

class Accompanist {
 public:
  virtual ~Accompanist() = default;

  virtual bool Post(const AccompanistCommand& command) = 0;
  // The next reply that has arrived, in order of arrival.
  virtual bool Poll(Reply& reply) = 0;
};

}  // namespace antiphon::edge

#endif  // ANTIPHON_EDGE_CLIENT_ACCOMPANIST_H_
