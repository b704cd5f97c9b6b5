// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/checkers.h"

#include <map>
#include <set>

#include "absl/strings/str_cat.h"

namespace antiphon::edge {

std::string CheckNotesPaired(const std::vector<Sent>& sent) {
  std::set<int> sounding;
  for (const Sent& s : sent) {
    if (s.message.IsControlChange()) continue;
    const int pitch = s.message.pitch();
    if (s.message.IsNoteOn() && !sounding.insert(pitch).second) {
      return absl::StrCat("pitch ", pitch, " struck twice without an off");
    }
    if (s.message.IsNoteOff() && sounding.erase(pitch) == 0) {
      return absl::StrCat("pitch ", pitch, " released without being struck");
    }
  }
  if (sounding.empty()) return "";
  return absl::StrCat("pitch ", *sounding.begin(), " hangs");
}

std::string CheckTimeOrder(const std::vector<Sent>& sent) {
  for (size_t i = 1; i < sent.size(); ++i) {
    if (sent[i].at < sent[i - 1].at)
      return absl::StrCat("message ", i, " goes back");
  }
  return "";
}

std::string CheckOneOutcomePerBar(const std::vector<BarRecord>& bars) {
  for (size_t i = 0; i < bars.size(); ++i) {
    if (bars[i].play_seq != i) {
      return absl::StrCat("line ", i, " tells of play_seq ", bars[i].play_seq);
    }
  }
  return "";
}

std::string CheckNothingPlannedLate(const std::vector<BarRecord>& bars) {
  for (const BarRecord& bar : bars) {
    if (bar.outcome == Outcome::kAnswer &&
        (!bar.slack_ms || *bar.slack_ms < 0)) {
      return absl::StrCat("bar ", bar.play_seq,
                          " is an answer after its cutoff");
    }
  }
  return "";
}

std::string CheckAnswered(const std::vector<BarRecord>& bars,
                          int notes_per_bar) {
  std::map<Epoch, PlaySeq> first;
  for (const BarRecord& bar : bars) {
    const PlaySeq start =
        first.try_emplace(bar.epoch, bar.play_seq).first->second;
    if (bar.play_seq < start + 2 || bar.reason == Reason::kCancelled) continue;
    if (bar.outcome != Outcome::kAnswer || bar.answers != bar.play_seq - 2) {
      return absl::StrCat("bar ", bar.play_seq, " is ", ToString(bar.outcome),
                          "/", ToString(bar.reason));
    }
    if (bar.sent != notes_per_bar) {
      return absl::StrCat("bar ", bar.play_seq, " sounded ", bar.sent,
                          " notes of ", notes_per_bar);
    }
  }
  return "";
}

}  // namespace antiphon::edge
