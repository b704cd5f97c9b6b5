// SPDX-License-Identifier: Apache-2.0
//
// What the model costs, one thread, in processor time, each figure beside its
// floor or its peer in the same round, the median of five rounds:
//   prefix_exact  logits after a warm, a chunked and a rewound context against
//                 those of one call, relative to the largest logit
//   prefill_gemm  256 tokens against the bare products of their shapes
//   head_class    the last product and the draw of a note's three tokens, all
//                 17727 rows against those of the class that the grammar allows
//                 (both draw from the class alone); the whole step likewise
//   sampler_cost  the draw's share of such a restricted step
//   decode_floor  a step against the time of reading its bytes (weights and
//                 cache, out of a buffer of that size), and plain ATen against
//                 us; in ms for people
// Random weights, vocabulary demo26 with its whole head unless it says
// otherwise. Prints JSON lines.
//
//   model_bench [--quick] [NAME]
// --quick leaves 16x1536 out; NAME leaves out what begins otherwise.
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "inference/aria/grammar.h"
#include "inference/aria/sampler.h"
#include "inference/model/random_checkpoint.h"
#include "inference/model/read_probe.h"
#include "inference/model/row_product.h"
#include "inference/model/torch_model.h"
#include "tests/bench/plain_torch.h"
#include "tests/bench/quantile.h"
#include "tests/bench/row.h"

namespace antiphon::bench {
namespace {

using namespace inference;  // NOLINT(build/namespaces)

constexpr int kRounds = 5;
constexpr int kContext = 400;
constexpr int kPrefill = 256;

template <typename T>
T Must(absl::StatusOr<T> value) {
  if (value.ok()) return *std::move(value);
  std::fprintf(stderr, "%s\n", value.status().ToString().c_str());
  std::exit(1);
}

void Must(const absl::Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s\n", status.ToString().c_str());
  std::exit(1);
}

double Median(std::vector<double> values) { return Quantile(values, 0.5); }

// Of this thread on its processor: what others run there does not count.
double CpuMilliseconds() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return 1e3 * static_cast<double>(now.tv_sec) +
         1e-6 * static_cast<double>(now.tv_nsec);
}

// The median of `times` runs.
double Typical(int times, const std::function<void()>& work) {
  std::vector<double> each;
  for (int i = 0; i < times; ++i) {
    const double begin = CpuMilliseconds();
    work();
    each.push_back(CpuMilliseconds() - begin);
  }
  return Median(each);
}

struct Size {
  std::string name;
  std::string config;
  int repeats = 0;         // of a step in one round
  int context = kContext;  // of decode_floor
};
const Size kNano{"4x256", "nano", 30};
const Size kSmall{"6x384", "small", 15};
// To read 400 tokens in 8 slots would take it a minute.
const Size kMedium{"16x1536", "medium", 3, 128};

const char* NameOf(ComputeType compute) {
  return compute == ComputeType::kF32 ? "fp32" : "bf16";
}
constexpr ComputeType kTypes[] = {ComputeType::kF32, ComputeType::kBf16};

std::unique_ptr<Checkpoint> RandomWeights(
    const Size& size, VocabularyKind vocabulary = VocabularyKind::kDemo26) {
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() /
      absl::StrCat("antiphon-model-bench-", getpid());
  Must(WriteRandomCheckpoint({.size = size.config,
                              .vocabulary = vocabulary,
                              .conditioned = false,  // nor is the peer
                              .seed = 1,
                              .folder = folder.string()}));
  auto checkpoint = Must(Checkpoint::Open(folder.string()));
  std::filesystem::remove_all(folder);  // the mapping keeps the bytes
  return checkpoint;
}

std::unique_ptr<TorchModel> Load(const Checkpoint& checkpoint,
                                 ComputeType compute, int slots = 1) {
  return Must(
      TorchModel::Create(checkpoint, {.slots = slots, .compute = compute}));
}

std::vector<TokenId> Tokens(int count, TokenId seed) {
  std::vector<TokenId> tokens;
  for (int i = 0; i < count; ++i)
    tokens.push_back(static_cast<TokenId>((seed + 37 * i) % 2000));
  return tokens;
}

// --- prefix_exact

double Difference(absl::Span<const float> a, absl::Span<const float> b) {
  double worst = 0;
  double largest = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    worst = std::max(worst, std::abs(double{a[i]} - double{b[i]}));
    largest = std::max(largest, std::abs(double{b[i]}));
  }
  return worst / largest;
}

class Contexts {
 public:
  explicit Contexts(TorchModel* model)
      : model_(model),
        one_shot_(static_cast<size_t>(model->info().vocabulary_rows)),
        row_(one_shot_.size()) {
    Must(model_->Prefill(0, tokens_, absl::MakeSpan(one_shot_)));
  }

  double Warm() {
    model_->Rewind(0, 0);
    Must(model_->Prefill(0, Part(0, 333), {}));
    return Rest(333);
  }
  double Chunked() {
    model_->Rewind(0, 0);
    int at = 0;
    for (int piece = 1; at + piece < kContext; at += piece, piece += 7) {
      Must(model_->Prefill(0, Part(at, piece), {}));
    }
    return Rest(at);
  }
  double Rewound() {
    model_->Rewind(0, 200);
    Must(model_->Prefill(0, Tokens(150, 11), {}));
    model_->Rewind(0, 150);
    return Rest(150);
  }
  // The last tokens came one by one.
  double Decoded() {
    model_->Rewind(0, kContext - 40);
    model_->StartBranch(0);
    for (const TokenId token : Part(kContext - 40, 40)) {
      const BranchToken next{0, token};
      Must(model_->DecodeStep({&next, 1}, absl::MakeSpan(row_)));
    }
    model_->DropBranch(0);
    return Difference(row_, one_shot_);
  }

 private:
  absl::Span<const TokenId> Part(int begin, int count) const {
    return absl::MakeSpan(tokens_).subspan(static_cast<size_t>(begin),
                                           static_cast<size_t>(count));
  }
  double Rest(int from) {
    Must(model_->Prefill(0, Part(from, kContext - from), absl::MakeSpan(row_)));
    return Difference(row_, one_shot_);
  }

  TorchModel* const model_;
  const std::vector<TokenId> tokens_ = Tokens(kContext, 5);
  std::vector<float> one_shot_;
  std::vector<float> row_;
};

void PrefixExact(const Size& size) {
  const auto checkpoint = RandomWeights(size);
  for (const ComputeType compute : kTypes) {
    const auto model = Load(*checkpoint, compute);
    Contexts contexts(model.get());
    const double worst =
        std::max({contexts.Warm(), contexts.Chunked(), contexts.Rewound()});
    const double limit = compute == ComputeType::kF32 ? 1e-4 : 2e-2;
    const std::string name =
        absl::StrCat("prefix_exact.", size.name, ".", NameOf(compute));
    Print({name, worst, "relative", limit});
    Print({name + ".decoded", contexts.Decoded(), "relative", limit});
  }
}

// --- prefill_gemm

void PrefillGemm(const Size& size, const Checkpoint& checkpoint,
                 ComputeType compute, std::optional<double> limit) {
  const auto model = Load(checkpoint, compute);
  PlainDecoder plain(checkpoint, compute, 1, 1);
  const std::vector<TokenId> tokens = Tokens(kPrefill, 1);
  const int repeats = size.config == "medium" ? 1 : 9;
  std::vector<double> ratios;
  std::vector<double> times;
  for (int round = -1; round < kRounds; ++round) {  // the first warms up
    const double ours = Typical(repeats, [&] {
      model->Rewind(0, 0);
      Must(model->Prefill(0, tokens, {}));
    });
    const double bare = Typical(repeats, [&] { plain.BareProducts(kPrefill); });
    if (round < 0) continue;
    ratios.push_back(ours / bare);
    times.push_back(ours);
  }
  const std::string name =
      absl::StrCat("prefill_gemm.", size.name, ".", NameOf(compute));
  Print({name, Median(ratios), "x bare", limit});
  Print({name + ".time", Median(times), "ms"});
}

// --- decode_floor

class Decode {
 public:
  Decode(const Checkpoint& checkpoint, ComputeType compute, int batch,
         int context)
      : context_(context),
        model_(Load(checkpoint, compute, batch)),
        plain_(checkpoint, compute, batch, context + kMaxBranchTokens),
        logits_(static_cast<size_t>(batch * model_->info().vocabulary_rows)) {
    for (SlotId slot = 0; slot < batch; ++slot) batch_.push_back({slot, 7});
    CheckPeer(compute);
    const std::vector<TokenId> tokens = Tokens(context, 3);
    for (SlotId slot = 0; slot < batch; ++slot) {
      model_->Rewind(slot, 0);
      Must(model_->Prefill(slot, tokens, {}));
    }
  }

  double Ours(int steps) {
    for (const BranchToken& next : batch_) model_->StartBranch(next.slot);
    return Typical(steps, [&] { Step(); });
  }
  double Peer(int steps) {
    int position = context_;
    return Typical(steps, [&] { plain_.Step(7, position++); });
  }

 private:
  void Step() { Must(model_->DecodeStep(batch_, absl::MakeSpan(logits_))); }

  // A peer that computes something else would be no peer.
  void CheckPeer(ComputeType compute) {
    for (const BranchToken& next : batch_) model_->StartBranch(next.slot);
    for (int position = 0; position < 5; ++position) {
      Step();
      const std::vector<float> wanted = plain_.Step(7, position);
      const double difference =
          Difference(absl::MakeSpan(logits_).first(wanted.size()), wanted);
      if (difference <= (compute == ComputeType::kF32 ? 1e-4 : 5e-2)) continue;
      std::fprintf(stderr, "the peer's logits differ by %g at %d\n", difference,
                   position);
      std::exit(1);
    }
  }

  const int context_;
  const std::unique_ptr<TorchModel> model_;
  PlainDecoder plain_;
  std::vector<BranchToken> batch_;
  std::vector<float> logits_;
};

// What a step has to read: each matrix once, and every slot's keys and values.
size_t BytesOf(const ModelShape& shape, ComputeType compute, int batch,
               int context) {
  const auto count = [](int n) { return static_cast<size_t>(n); };
  const size_t embeddings = count(shape.vocabulary_rows) * count(shape.d_model);
  const size_t weights = static_cast<size_t>(shape.parameters()) - embeddings;
  const size_t cache = 2 * sizeof(float) * count(shape.layers) *
                       count(shape.d_model) * count(context) * count(batch);
  return weights * (compute == ComputeType::kF32 ? 4 : 2) + cache;
}

void DecodeFloor(const Size& size, const Checkpoint& checkpoint,
                 ComputeType compute, int batch) {
  Decode decode(checkpoint, compute, batch, size.context);
  const size_t bytes =
      BytesOf(checkpoint.shape(), compute, batch, size.context);
  ReadProbe probe(bytes);
  std::vector<double> over_floor;
  std::vector<double> over_peer;
  std::vector<double> times;
  for (int round = -1; round < kRounds; ++round) {  // the first warms up
    const double ours = decode.Ours(size.repeats);
    const double peer = decode.Peer(size.repeats);
    const double floor = Typical(size.repeats, [&] { probe.Read(); });
    if (round < 0) continue;
    over_floor.push_back(ours / floor);
    over_peer.push_back(peer / ours);
    times.push_back(ours);
  }
  const std::string name = absl::StrCat("decode_floor.", size.name, ".",
                                        NameOf(compute), ".b", batch);
  Print({name, Median(over_floor), "x floor"});
  Print({name + ".time", Median(times), "ms"});
  const bool target = compute == ComputeType::kBf16 && batch == 1;
  Row peer{name + ".vs_linear", Median(over_peer), "x faster"};
  if (target) {
    peer.limit = 2;
    peer.at_least = true;
  }
  Print(peer);
}

// --- head_class, sampler_cost

// The three questions that a note takes, with what was drawn before each.
struct Question {
  TokenId token = 0;
  NextTokens next;
};

std::vector<Question> QuestionsOfANote(const Vocabulary& vocabulary) {
  Grammar grammar(vocabulary);
  Grammar::Query query;
  query.onset_high_ms = 2000;
  query.allow_time_step = false;
  std::vector<Question> questions;
  for (const TokenId token :
       {kBosToken, vocabulary.NoteId(60, 80), vocabulary.OnsetId(100)}) {
    grammar.Advance(token);
    questions.push_back({token, grammar.Allowed(query)});
  }
  return questions;
}

// Sums over the three tokens of a note.
class Draws {
 public:
  Draws(const Checkpoint& checkpoint, ComputeType compute)
      : model_(Load(checkpoint, compute)),
        questions_(QuestionsOfANote(Vocabulary(VocabularyKind::kDefault))),
        logits_(static_cast<size_t>(model_->info().vocabulary_rows)) {
    Must(model_->Prefill(0, Tokens(kContext, 3), {}));
  }

  struct Costs {
    double step = 0;
    double draw = 0;
  };
  Costs Note(bool restricted, int repeats) {
    model_->StartBranch(0);
    Costs costs;
    for (const Question& question : questions_) {
      const NextTokens* wanted = restricted ? &question.next : nullptr;
      const BranchToken next{0, question.token, wanted};
      costs.step += Typical(repeats, [&] {
        Must(model_->DecodeStep({&next, 1}, absl::MakeSpan(logits_)));
      });
      costs.draw += Typical(repeats, [&] {
        Must(sampler_.Sample(logits_, question.next, {}, {1, draws_++}));
      });
    }
    return costs;
  }
  const std::vector<Question>& questions() const { return questions_; }

 private:
  const std::unique_ptr<TorchModel> model_;
  const std::vector<Question> questions_;
  std::vector<float> logits_;
  Sampler sampler_;
  uint64_t draws_ = 0;
};

// The last product alone, in fp32.
class Head {
 public:
  explicit Head(const Checkpoint& checkpoint)
      : width_(static_cast<size_t>(checkpoint.shape().d_model)),
        x_(width_, 0.5f),
        out_(static_cast<size_t>(checkpoint.shape().vocabulary_rows)),
        weights_(out_.size() * width_) {
    const auto& stored = checkpoint.Tensor("lm_head.weight");
    std::memcpy(weights_.data(), stored.bytes.data(), stored.bytes.size());
  }

  void Everything() { Multiply(0, out_.size()); }
  void Only(const NextTokens& next) {
    for (const TokenSet* set : {&next.allowed, &next.end}) {
      for (const TokenRange& range : *set) {
        Multiply(static_cast<size_t>(range.begin),
                 static_cast<size_t>(range.end));
      }
    }
  }

 private:
  void Multiply(size_t begin, size_t end) {
    RowProduct(x_.data(), 1, weights_.data() + begin * width_, end - begin,
               width_, out_.data() + begin);
  }

  size_t width_;
  std::vector<float> x_;
  std::vector<float> out_;
  std::vector<float> weights_;
};

void HeadClass(const Size& size, const Checkpoint& checkpoint,
               ComputeType compute) {
  Draws draws(checkpoint, compute);
  Head head(checkpoint);
  std::vector<double> heads, steps, times, shares;
  for (int round = -1; round < kRounds; ++round) {  // the first warms up
    const auto all = draws.Note(false, size.repeats);
    const auto some = draws.Note(true, size.repeats);
    double head_all = 0;
    double head_some = 0;
    for (const Question& question : draws.questions()) {
      head_all += Typical(size.repeats, [&] { head.Everything(); });
      head_some += Typical(size.repeats, [&] { head.Only(question.next); });
    }
    if (round < 0) continue;
    heads.push_back((head_all + all.draw) / (head_some + some.draw));
    steps.push_back((all.step + all.draw) / (some.step + some.draw));
    times.push_back((some.step + some.draw) / 3);
    shares.push_back(some.draw / (some.step + some.draw));
  }
  const std::string name = absl::StrCat(size.name, ".", NameOf(compute));
  if (compute == ComputeType::kF32) {
    Row row{"head_class." + name, Median(heads), "x faster"};
    row.limit = 5;
    row.at_least = true;
    Print(row);
  }
  Print({"head_class." + name + ".step", Median(steps), "x faster"});
  Print({"head_class." + name + ".time", Median(times), "ms"});
  Print({"sampler_cost." + name, Median(shares), "of step", 0.03});
}

struct Wanted {
  bool quick = false;
  std::string name;  // "": everything

  bool operator()(const std::string& row) const {
    return row.starts_with(name) || name.starts_with(row);
  }
};

void Model(const Size& size, const Wanted& wanted) {
  const std::string prefill = absl::StrCat("prefill_gemm.", size.name);
  const std::string decode = absl::StrCat("decode_floor.", size.name);
  if (!wanted(prefill) && !wanted(decode)) return;
  const auto checkpoint = RandomWeights(size);
  for (const ComputeType compute : kTypes) {
    const std::string type = absl::StrCat(".", NameOf(compute));
    std::optional<double> limit;
    if (size.config == kMedium.config) limit = 1.2;
    if (size.config == kNano.config && compute == ComputeType::kF32) {
      limit = 1.5;
    }
    if (wanted(prefill + type)) PrefillGemm(size, *checkpoint, compute, limit);
    for (const int batch : {1, 8}) {
      if (!wanted(absl::StrCat(decode, type, ".b", batch))) continue;
      DecodeFloor(size, *checkpoint, compute, batch);
    }
  }
}

// 16x1536 needs about 10 GB and most of the time.
void Run(const Wanted& wanted) {
  for (const Size& size : {kNano, kSmall}) {
    if (wanted("prefix_exact." + size.name)) PrefixExact(size);
  }
  for (const Size& size : {kNano, kSmall}) {
    if (!wanted("head_class." + size.name) &&
        !wanted("sampler_cost." + size.name)) {
      continue;
    }
    const auto checkpoint = RandomWeights(size, VocabularyKind::kDefault);
    for (const ComputeType compute : kTypes) {
      HeadClass(size, *checkpoint, compute);
    }
  }
  for (const Size& size : {kNano, kSmall, kMedium}) {
    if (!wanted.quick || size.config != kMedium.config) Model(size, wanted);
  }
}

}  // namespace
}  // namespace antiphon::bench

int main(int argc, char** argv) {
  antiphon::bench::Wanted wanted;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    word == "--quick" ? void(wanted.quick = true) : void(wanted.name = word);
  }
  antiphon::bench::Run(wanted);
  return 0;
}
