// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/jitter.h"

#include <algorithm>

namespace antiphon::sim {
namespace {

constexpr int kTails[] = {1, 6, 11};  // how far, in amounts

absl::Duration Frames(int count) { return absl::Seconds(count / 48'000.0); }

}  // namespace

const std::vector<JitterRow>& JitterRows() {
  using Kind = Jitter::Kind;
  static const std::vector<JitterRow> rows = {
      {"none", {}},
      {"Live's manual, 36 set-ups", {Kind::kTailed, absl::Milliseconds(1)}},
      {"MOTU/Mac interface, Machinedrum clock",
       {Kind::kGaussian, absl::Microseconds(100), absl::Milliseconds(1)}},
      {"Sonar against MC-500, USB", {Kind::kUniform, absl::Milliseconds(6)}},
      {"JACK, 64 frames at 48 kHz", {.grid = Frames(64)}},
      {"audio buffer of 512 frames", {.grid = Frames(512)}},
      {"audio buffer of 1024 frames", {.grid = Frames(1024)}},
  };
  return rows;
}

double Fraction(std::mt19937_64& random) {
  return static_cast<double>(random() >> 11) * 0x1p-53;
}

absl::Duration Jitter::Mean() const {
  switch (kind) {
    case Kind::kNone:
      return grid / 2;
    case Kind::kUniform:
      return amount / 2 + grid / 2;
    case Kind::kGaussian:
      return 3 * amount + grid / 2;
    case Kind::kTailed:
      return kTails[2] * amount + grid / 2;
  }
  return absl::ZeroDuration();
}

absl::Duration Jitter::Most() const {
  switch (kind) {
    case Kind::kNone:
      return grid;
    case Kind::kUniform:
      return amount + grid;
    case Kind::kGaussian:
      return 6 * amount + grid;
    case Kind::kTailed:
      return 2 * kTails[2] * amount + grid;
  }
  return absl::ZeroDuration();
}

absl::Duration Jitter::Draw(MonoTime ideal, std::mt19937_64& random) const {
  absl::Duration late = absl::ZeroDuration();
  switch (kind) {
    case Kind::kNone:
      break;
    case Kind::kUniform:
      late = Fraction(random) * amount;
      break;
    case Kind::kGaussian: {
      double sum = -6;  // twelve uniforms have variance 1
      for (int i = 0; i < 12; ++i) sum += Fraction(random);
      late = (3 + std::clamp(sum, -3.0, 3.0)) * amount;
      break;
    }
    case Kind::kTailed: {
      const double rare = Fraction(random);
      const int most = kTails[rare < 0.9 ? 0 : rare < 0.99 ? 1 : 2];
      late = (kTails[2] + most * (2 * Fraction(random) - 1)) * amount;
      break;
    }
  }
  if (grid == absl::ZeroDuration()) return late;
  const int64_t step = absl::ToInt64Nanoseconds(grid);
  const int64_t into = (ideal + late).nanos() % step;
  return late + absl::Nanoseconds((step - into) % step);
}

bool Jitter::Hides(absl::Duration period) const {
  if (grid > absl::Milliseconds(8)) return true;
  const int spread = kind == Kind::kGaussian ? 4
                     : kind == Kind::kTailed ? 2
                                             : 1;
  return spread * amount + grid > 0.4 * period;
}

}  // namespace antiphon::sim
