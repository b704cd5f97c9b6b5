// SPDX-License-Identifier: Apache-2.0
#include "common/music/note.h"

#include <array>
#include <cstddef>

namespace antiphon {
namespace {

constexpr std::array<const char*, kOutcomes> kOutcomeNames = {
    "answer", "overlap", "repeat", "sustain", "pattern", "rest", "silence"};
constexpr std::array<const char*, kReasons> kReasonNames = {
    "in_time",  "joined",  "shortened", "no_input",    "warm_up",
    "mode",     "empty",   "late",      "lost",        "refused",
    "rejected", "invalid", "timeout",   "unavailable", "cancelled"};

}  // namespace

const char* ToString(Outcome outcome) {
  return kOutcomeNames[static_cast<size_t>(outcome)];
}

const char* ToString(Reason reason) {
  return kReasonNames[static_cast<size_t>(reason)];
}

}  // namespace antiphon
