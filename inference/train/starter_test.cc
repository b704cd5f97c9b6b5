// SPDX-License-Identifier: Apache-2.0
//
// The model that is shipped, on music it has not heard: pieces that
// synthetic.h composes from seeds which training never reaches. Quick bounds,
// such that a model that lost one of its tensors fails them; how good it is
// says models/starter/CARD.md.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "inference/model/torch_model.h"
#include "inference/train/crops.h"
#include "inference/train/synthetic.h"

namespace antiphon::inference {
namespace {

namespace fs = std::filesystem;

const fs::path kStarter = fs::path(ANTIPHON_SOURCE_DIR) / "models" / "starter";
constexpr int kPieces = 10;
constexpr int kLength = 256;
// Nats per note, of all tokens; CARD.md has what was measured.
constexpr double kBound = 1.95;

std::vector<TrainingCrop> Music() {
  std::vector<TrainingCrop> crops;
  for (int i = 0; i < kPieces; ++i) {
    Random random(1'000'000'007u + static_cast<unsigned>(i));
    const Style style = kStyles[static_cast<size_t>(i) % std::size(kStyles)];
    const SyntheticPiece made = MakePiece(style, random);
    crops.push_back(*PlainCrop(made.piece, 4, kLength));
  }
  return crops;
}

struct OpenModel {
  explicit OpenModel(const fs::path& folder)
      : OpenModel(*Checkpoint::Open(folder).value()) {}
  explicit OpenModel(const Checkpoint& checkpoint)
      : rows(checkpoint.card().row_map.value()),
        model(TorchModel::Create(checkpoint, {.context_tokens = kLength})
                  .value()) {}

  const RowMap rows;
  const std::unique_ptr<TorchModel> model;
};

// Of what is wanted, for each note.
double NatsPerNote(const OpenModel& open,
                   const std::vector<TrainingCrop>& crops) {
  const auto& [rows, model] = open;
  const size_t width = static_cast<size_t>(rows.rows());
  double nats = 0;
  int notes = 0;
  for (const TrainingCrop& crop : crops) {
    std::vector<TokenId> tokens;
    for (const TokenId id : crop.tokens) tokens.push_back(*rows.RowOf(id));
    std::vector<float> logits(tokens.size() * width);
    model->Rewind(0, 0);
    EXPECT_TRUE(model->PrefillAll(0, tokens, absl::MakeSpan(logits)).ok());
    for (size_t i = 1; i < tokens.size(); ++i) {
      if (!crop.wanted[i]) continue;
      const float* row = logits.data() + (i - 1) * width;
      const float top = *std::max_element(row, row + width);
      double sum = 0;
      for (size_t j = 0; j < width; ++j) sum += std::exp(row[j] - top);
      nats += std::log(sum) + top - row[tokens[i]];
      notes += Vocabulary(VocabularyKind::kDefault).ClassOf(crop.tokens[i]) ==
               TokenClass::kNote;
    }
  }
  return nats / notes;
}

TEST(StarterModel, KnowsMusicItHasNotHeard) {
  const double nats = NatsPerNote(OpenModel(kStarter), Music());
  std::printf("%.2f nats a note\n", nats);
  EXPECT_LT(nats, kBound);
}

// The same weights but for one matrix of one layer, which is all zeros.
TEST(StarterModel, WithoutOneOfItsMatricesItWouldFail) {
  const fs::path broken = fs::path(testing::TempDir()) / "antiphon_starter";
  fs::create_directories(broken);
  const auto checkpoint = Checkpoint::Open(kStarter).value();
  const auto& lost =
      checkpoint->Tensor("model.encode_layers.2.ff_down_proj.weight");
  std::ifstream file(kStarter / "model.safetensors", std::ios::binary);
  std::string bytes(std::istreambuf_iterator<char>(file), {});
  const std::string_view gone(reinterpret_cast<const char*>(lost.bytes.data()),
                              lost.bytes.size());
  const size_t at = bytes.find(gone);
  ASSERT_NE(at, std::string::npos);
  std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), gone.size(),
              '\0');
  std::ofstream(broken / "model.safetensors", std::ios::binary) << bytes;
  ModelCard card = checkpoint->card();
  card.sha256.clear();
  std::ofstream(broken / "model.json") << SerializeModelCard(card);
  const double nats = NatsPerNote(OpenModel(broken), Music());
  std::printf("%.2f nats a note\n", nats);
  EXPECT_GT(nats, kBound);
  fs::remove_all(broken);
}

// A call is followed by its own answer more likely than by another's.
TEST(StarterModel, AnswersBelongToTheirCalls) {
  const std::vector<TrainingCrop> crops = Music();
  const OpenModel starter(kStarter);
  int own = 0;
  for (size_t i = 0; i < crops.size(); ++i) {
    const TrainingCrop& other = crops[(i + 5) % crops.size()];  // of its style
    const size_t half = crops[i].tokens.size() / 2 / 3 * 3 + 2;
    TrainingCrop mine = crops[i];
    std::fill_n(mine.wanted.begin(), half, 0);
    TrainingCrop foreign = mine;
    std::copy_n(other.tokens.begin(), std::min(half, other.tokens.size()),
                foreign.tokens.begin());
    own += NatsPerNote(starter, {mine}) < NatsPerNote(starter, {foreign});
  }
  EXPECT_GE(own, kPieces - 1);
}

}  // namespace
}  // namespace antiphon::inference
