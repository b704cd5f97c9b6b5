// SPDX-License-Identifier: Apache-2.0
#include "inference/train/crop_source.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "inference/train/synthetic.h"

namespace antiphon::inference {
namespace {

// Then the pieces have hardly anything to offer, and a synthetic one steps in.
constexpr int kMaxTries = 32;

absl::Status CheckShare(const char* name, double share) {
  if (share >= 0 && share <= 1) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(name, " is ", share, ", it must be from 0 to 1"));
}

absl::Status Check(absl::Span<const TrainingPiece> pieces,
                   const CropSourceOptions& options) {
  const int tokens = options.crops.max_tokens;
  const int fewest = options.answers ? kFewestAnswerTokens : kFewestTokens;
  if (tokens < fewest) {
    return absl::InvalidArgumentError(absl::StrCat(
        "max_tokens is ", tokens, ", it must be at least ", fewest));
  }
  absl::Status status = CheckShare("synthetic_share", options.synthetic_share);
  status.Update(CheckShare("jittered_share", options.crops.jittered_share));
  if (status.ok() && pieces.empty() && options.synthetic_share < 1) {
    return absl::InvalidArgumentError("there is no piece to learn from");
  }
  return status;
}

TrainingPiece AnySynthetic(Random& random) {
  const size_t style = random() % std::size(kStyles);
  return MakePiece(kStyles[style], random).piece;
}

}  // namespace

absl::StatusOr<CropSource> CropSource::Create(
    absl::Span<const TrainingPiece> pieces, const CropSourceOptions& options,
    uint64_t seed) {
  const absl::Status status = Check(pieces, options);
  if (!status.ok()) return status;
  return CropSource(pieces, options, seed);
}

CropSource::CropSource(absl::Span<const TrainingPiece> pieces,
                       const CropSourceOptions& options, uint64_t seed)
    : pieces_(pieces), options_(options), seed_(seed) {
  int64_t bars = 0;
  for (const TrainingPiece& piece : pieces_) {
    bars += piece.bars();
    bars_up_to_.push_back(bars);
  }
}

TrainingCrop CropSource::Crop(uint64_t number) const {
  std::seed_seq seeds{seed_, seed_ >> 32, number, number >> 32};
  Random random(seeds);
  const bool synthetic = std::uniform_real_distribution<double>()(random) <
                         options_.synthetic_share;
  for (int i = 0; !synthetic && i < kMaxTries; ++i) {
    auto crop = CropFrom(PieceFor(random), random);
    if (crop) return *std::move(crop);
  }
  while (true) {
    auto crop = CropFrom(AnySynthetic(random), random);
    if (crop) return *std::move(crop);
  }
}

const TrainingPiece& CropSource::PieceFor(Random& random) const {
  const int64_t bar =
      std::uniform_int_distribution<int64_t>(0, bars_up_to_.back() - 1)(random);
  const auto piece =
      std::upper_bound(bars_up_to_.begin(), bars_up_to_.end(), bar);
  return pieces_[static_cast<size_t>(piece - bars_up_to_.begin())];
}

std::optional<TrainingCrop> CropSource::CropFrom(const TrainingPiece& piece,
                                                 Random& random) const {
  return options_.answers ? AnswerCrop(piece, options_.crops, random)
                          : RandomCrop(piece, options_.crops, random);
}

}  // namespace antiphon::inference
