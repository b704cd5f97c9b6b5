// SPDX-License-Identifier: Apache-2.0
//
// One job's way back from the engine to its stream: notes as chunks, the end as
// the last one, and what the metrics and the log say of it. Shared by engine
// and stream; whichever goes last frees it. Detach() cuts it off from a stream
// that ends: from then on nothing reaches the stream, and the job is cancelled.
#ifndef ANTIPHON_INFERENCE_SERVICE_STREAM_ANSWER_H_
#define ANTIPHON_INFERENCE_SERVICE_STREAM_ANSWER_H_

#include <atomic>
#include <mutex>
#include <optional>

#include "antiphon/v1/accompanist.pb.h"
#include "inference/engine/job.h"

namespace antiphon::inference {

class Musician;
struct Stage;

class StreamAnswer : public AnswerSink {
 public:
  // Keeps of the job what chunks and logs need. `stage` outlives it,
  // `musician` until Detach().
  StreamAnswer(Musician* musician, Stage* stage, const Job& job);

  // Engine thread.
  void OnNote(uint32_t index, const Note& note) override;
  void OnEnd(const JobEnd& end) override;

  // Any thread.
  bool cancelled() const override { return cancelled_.load(); }
  void Cancel() { cancelled_.store(true); }
  void Detach();

 private:
  void Measure(const JobEnd& end, MonoTime now);

  Stage* const stage_;
  const Job job_;  // without its music
  std::atomic<bool> cancelled_{false};
  std::optional<MonoTime> began_;  // engine thread

  std::mutex mutex_;
  Musician* musician_;  // guarded by mutex_
};

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_SERVICE_STREAM_ANSWER_H_
