// SPDX-License-Identifier: Apache-2.0
//
// The endless supply of training crops: from a musician's pieces in proportion
// to their bars, and some from pieces made up on the way. Crop n depends on the
// pieces, the options, the seed and n alone, so a run that was interrupted goes
// on where it was. One owner; Crop alone from any thread.
#ifndef ANTIPHON_INFERENCE_TRAIN_CROP_SOURCE_H_
#define ANTIPHON_INFERENCE_TRAIN_CROP_SOURCE_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "inference/train/crops.h"
#include "inference/train/training_piece.h"

namespace antiphon::inference {

struct CropSourceOptions {
  CropOptions crops{};
  // Of the crops, how many are from synthetic pieces; 0..1. These are seldom
  // longer than the others, so of the tokens it is about as many.
  double synthetic_share = .1;
  // Calls and their answers, loss on the answers alone (stage 2).
  bool answers = false;
};

class CropSource {
 public:
  // `pieces` are not copied and outlive the source. Errors: an option outside
  // its range; no piece although not all crops are synthetic.
  static absl::StatusOr<CropSource> Create(
      absl::Span<const TrainingPiece> pieces, const CropSourceOptions& options,
      uint64_t seed);

  TrainingCrop Next() { return Crop(position_++); }
  TrainingCrop Crop(uint64_t number) const;

  // Number of the crop that Next gives.
  uint64_t position() const { return position_; }
  void Seek(uint64_t position) { position_ = position; }

 private:
  CropSource(absl::Span<const TrainingPiece> pieces,
             const CropSourceOptions& options, uint64_t seed);

  const TrainingPiece& PieceFor(Random& random) const;
  std::optional<TrainingCrop> CropFrom(const TrainingPiece& piece,
                                       Random& random) const;

  absl::Span<const TrainingPiece> pieces_;
  CropSourceOptions options_;
  uint64_t seed_;
  std::vector<int64_t> bars_up_to_;  // of each piece, its own included
  uint64_t position_ = 0;
};

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_TRAIN_CROP_SOURCE_H_
