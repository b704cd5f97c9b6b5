// SPDX-License-Identifier: Apache-2.0
//
// Watches a session for those outside it: bars.jsonl and session.mid, a line a
// bar for people, metrics. Conductor thread; files are written line by line,
// session.mid at the end.
#ifndef ANTIPHON_EDGE_SESSION_RECORDER_H_
#define ANTIPHON_EDGE_SESSION_RECORDER_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "edge/conductor.h"
#include "edge/edge_metrics.h"
#include "edge/session/bar_log.h"
#include "edge/session/session_writer.h"

namespace antiphon::edge {

class SessionRecorder : public SessionObserver {
 public:
  // `directory` "": no files. `model` is asked for its name at every bar.
  static absl::StatusOr<std::unique_ptr<SessionRecorder>> Create(
      const std::string& directory, EdgeMetrics* metrics,
      std::function<std::string()> model, bool print_bars);

  // A press of this controller saves the last TakeLength() beside the session
  // as take-1.mid, take-2.mid, ...; needs a directory.
  void SaveTakesOn(int controller) { take_controller_ = controller; }
  static absl::Duration TakeLength() { return absl::Minutes(5); }

  // Writes session.mid. The error says which of the files is not whole.
  absl::Status Finish();

  int bars() const { return bars_; }

  void OnHuman(const TimedMessage& message) override;
  void OnBarBegin(const BarSpan& bar, MonoTime line, Epoch epoch) override;
  void OnBarEnd(MonoTime line) override;
  void OnTelemetry(const Telemetry& telemetry) override;
  void OnReply(const Reply& reply) override;
  void OnBar(const BarRecord& record) override;

 private:
  SessionRecorder(const std::string& directory, EdgeMetrics* metrics,
                  std::function<std::string()> model, bool print_bars)
      : directory_(directory),
        metrics_(metrics),
        model_(std::move(model)),
        print_bars_(print_bars) {}

  const std::string directory_;
  EdgeMetrics* const metrics_;
  const std::function<std::string()> model_;
  const bool print_bars_;
  void SaveTake(MonoTime now);

  std::optional<int> take_controller_;
  std::unique_ptr<BarLog> log_;
  SessionWriter writer_;
  std::map<JobId, MonoTime> started_;  // at most kMaxStarted
  std::map<JobId, bool> first_seen_;
  int bars_ = 0;
};

}  // namespace antiphon::edge

#endif  // ANTIPHON_EDGE_SESSION_RECORDER_H_
