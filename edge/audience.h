// SPDX-License-Identifier: Apache-2.0
//
// Several observers as one: each is told everything, in the order in which they
// were added. Conductor thread.
#ifndef ANTIPHON_EDGE_AUDIENCE_H_
#define ANTIPHON_EDGE_AUDIENCE_H_

#include <vector>

#include "edge/conductor.h"

namespace antiphon::edge {

class Audience : public SessionObserver {
 public:
  // Not owned; before the session begins. Null is left out.
  void Add(SessionObserver* observer) {
    if (observer != nullptr) observers_.push_back(observer);
  }

  void OnHuman(const TimedMessage& message) override {
    for (SessionObserver* o : observers_) o->OnHuman(message);
  }
  void OnBarBegin(const BarSpan& bar, MonoTime line, Epoch epoch) override {
    for (SessionObserver* o : observers_) o->OnBarBegin(bar, line, epoch);
  }
  void OnBarEnd(MonoTime line) override {
    for (SessionObserver* o : observers_) o->OnBarEnd(line);
  }
  void OnTelemetry(const Telemetry& telemetry) override {
    for (SessionObserver* o : observers_) o->OnTelemetry(telemetry);
  }
  void OnReply(const Reply& reply) override {
    for (SessionObserver* o : observers_) o->OnReply(reply);
  }
  void OnJobPosted(JobId job, bool accepted) override {
    for (SessionObserver* o : observers_) o->OnJobPosted(job, accepted);
  }
  void OnDue() override {
    for (SessionObserver* o : observers_) o->OnDue();
  }
  void OnBar(const BarRecord& record) override {
    for (SessionObserver* o : observers_) o->OnBar(record);
  }

 private:
  std::vector<SessionObserver*> observers_;
};

}  // namespace antiphon::edge

#endif  // ANTIPHON_EDGE_AUDIENCE_H_
