// SPDX-License-Identifier: Apache-2.0
#include "edge/port/feedback_detector.h"

#include <algorithm>

namespace antiphon::edge {
namespace {

// A note that arrived this long before the same one was sent was played, not
// fed back.
const absl::Duration kLead = absl::Milliseconds(5);
constexpr size_t kMaxReceived = 64;

}  // namespace

void FeedbackDetector::OnSent(const TimedMessage& m) {
  if (IsProbe(m.message)) probe_ = m;
  if (!m.message.IsNoteOn()) return;
  Sent note{m.at, m.message.pitch(), m.message.velocity()};
  for (const TimedMessage& played : received_) {
    if (played.message.pitch() == note.pitch &&
        played.message.velocity() == note.velocity && played.at <= m.at &&
        m.at - played.at < kLead) {
      note.led = true;
    }
  }
  if (sent_.size() == kMaxSent) sent_.pop_front();
  sent_.push_back(note);
  Judge(m.at);
}

bool FeedbackDetector::OnReceived(const TimedMessage& m) {
  if (IsProbe(m.message)) return !ReturnsProbe(m);
  if (m.message.IsNoteOff()) {
    uint8_t& count = CutCount(m.message);
    if (count == 0) return true;
    --count;
    return false;
  }
  if (!m.message.IsNoteOn()) return true;
  const bool echo = IsEcho(m);
  Judge(m.at);
  if (echo && looped_) {
    uint8_t& count = CutCount(m.message);
    count = static_cast<uint8_t>(std::min(count + 1, 255));
    return false;
  }
  // A key struck again ends what the echo of it had begun.
  CutCount(m.message) = 0;
  if (!echo) {
    if (received_.size() == kMaxReceived) received_.pop_front();
    received_.push_back(m);
  }
  return true;
}

bool FeedbackDetector::IsEcho(const TimedMessage& m) {
  for (Sent& note : sent_) {
    if (note.returned || note.led || note.at > m.at ||
        m.at - note.at > MaxDelay() || note.pitch != m.message.pitch() ||
        note.velocity != m.message.velocity()) {
      continue;
    }
    note.returned = true;
    delay_ = m.at - note.at;
    return true;
  }
  return false;
}

bool FeedbackDetector::ReturnsProbe(const TimedMessage& m) {
  if (!probe_ || probe_->message.value() != m.message.value() ||
      m.at < probe_->at || m.at - probe_->at > MaxDelay()) {
    return false;
  }
  looped_ = true;
  probe_.reset();
  return true;
}

// From the newest note sent back to the first that tells the contrary.
void FeedbackDetector::Judge(MonoTime now) {
  int returned = 0;
  int missing = 0;
  for (auto note = sent_.rbegin(); note != sent_.rend(); ++note) {
    const bool open =
        !note->returned && !note->led && now - note->at <= MaxDelay();
    if (open) continue;
    if (note->returned ? missing > 0 : returned > 0) break;
    ++(note->returned ? returned : missing);
    if (returned == kSuspicious || missing == kGone) break;
  }
  if (missing == kGone) looped_ = false;
  const bool pause = wished_at_ && now - *wished_at_ < ProbePause();
  if (returned == kSuspicious && !looped_ && !pause) {
    probe_wish_ = true;
    wished_at_ = now;
  }
}

}  // namespace antiphon::edge
