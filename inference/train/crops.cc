// SPDX-License-Identifier: Apache-2.0
#include "inference/train/crops.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <utility>

#include "inference/aria/tokenizer.h"

namespace antiphon::inference {
namespace {

constexpr int kMostSemitones = 6;
constexpr int kMostVelocitySteps = 2;
constexpr size_t kNoteTokens = 3;
constexpr size_t kHeadTokens = 2;  // prefix and <S>
// Each of the three parts of a piece is heard alone as often as that.
constexpr double kPartShare = .15;
// A bar as somebody plays it: nine of ten bars of the pieces last as long.
constexpr double kShortestBarMs = 900;
constexpr double kLongestBarMs = 3800;
// How wide a player's jitter is, times what JitterBefore says.
constexpr double kNeatest = .5;
constexpr double kSloppiest = 2;
constexpr std::array<Roles, 3> kParts = {
    kMelody, static_cast<Roles>(kAllRoles & ~kMelody), kLeftHand};

const Vocabulary& Tokens() {
  static const Vocabulary vocabulary(VocabularyKind::kDefault);
  return vocabulary;
}

int64_t Uniform(int64_t low, int64_t high, Random& random) {
  return std::uniform_int_distribution<int64_t>(low, high)(random);
}
bool Chance(double share, Random& random) {
  return std::uniform_real_distribution<double>()(random) < share;
}

// Any tempo as likely as its double, any player as another.
void JitterAsPlayed(int64_t line_ms, Random& random,
                    std::vector<TrainingNote>& notes) {
  std::uniform_real_distribution<double> octaves(std::log2(kShortestBarMs),
                                                 std::log2(kLongestBarMs));
  std::uniform_real_distribution<double> player(kNeatest, kSloppiest);
  const double bar_ms = std::exp2(octaves(random));
  JitterBefore(line_ms, player(random) * kWarpedBarMs / bar_ms, random, notes);
}

size_t MostNotes(int max_tokens) {
  return (static_cast<size_t>(max_tokens) - kHeadTokens) / kNoteTokens;
}

std::vector<TrainingNote>::const_iterator FirstFrom(
    const std::vector<TrainingNote>& notes, int64_t bar) {
  return std::lower_bound(notes.begin(), notes.end(), bar * kWarpedBarMs,
                          [](const TrainingNote& note, int64_t ms) {
                            return note.note.onset_ms < ms;
                          });
}

// Of bars `begin` up to `end`, `begin`'s line being millisecond 0; the first
// `most` ones.
std::vector<TrainingNote> NotesOf(const std::vector<TrainingNote>& notes,
                                  int64_t begin, int64_t end, size_t most) {
  const auto first = FirstFrom(notes, begin);
  auto last = FirstFrom(notes, end);
  if (static_cast<size_t>(last - first) > most) {
    last = first + static_cast<std::ptrdiff_t>(most);
  }
  std::vector<TrainingNote> crop(first, last);
  for (TrainingNote& note : crop) note.note.onset_ms -= begin * kWarpedBarMs;
  return crop;
}

std::vector<TrainingNote> RandomPart(const std::vector<TrainingNote>& notes,
                                     Random& random) {
  const double drawn = std::uniform_real_distribution<double>()(random);
  const auto part = static_cast<size_t>(drawn / kPartShare);
  return part < kParts.size() ? PlayedBy(kParts[part], notes) : notes;
}

// Any bar; of those from which the music does not fill a crop the first two.
int64_t RandomBar(int64_t bars, const std::vector<TrainingNote>& notes,
                  size_t most, Random& random) {
  const int64_t last_full =
      notes.size() <= most
          ? 0
          : notes[notes.size() - most].note.onset_ms / kWarpedBarMs;
  const int64_t bar = Uniform(0, bars - 1, random);
  if (bar <= last_full) return bar;
  return std::min(bars - 1, last_full + Uniform(0, 1, random));
}

void TransposeAndShift(Random& random, std::vector<TrainingNote>& notes) {
  Transpose(static_cast<int>(Uniform(-kMostSemitones, kMostSemitones, random)),
            notes);
  ShiftVelocity(static_cast<int>(
                    Uniform(-kMostVelocitySteps, kMostVelocitySteps, random)),
                notes);
}

// Behind the last event that fits.
void CutTo(size_t max_tokens, std::vector<TokenId>& tokens) {
  if (tokens.size() <= max_tokens) return;
  size_t end = max_tokens;
  while (end > kHeadTokens &&
         Tokens().ClassOf(tokens[end - 1]) != TokenClass::kDur) {
    --end;
  }
  tokens.resize(end);
}

// Nothing where there is no note, or none that fits.
std::optional<TrainingCrop> CropOf(std::vector<TrainingNote> notes,
                                   int max_tokens) {
  PutOnSteps(kBarSegmentMs, notes);
  std::vector<TimedNote> timed;
  timed.reserve(notes.size());
  for (const TrainingNote& note : notes) {
    if (note.note.onset_ms > kMaxLiveContextMs) break;
    timed.push_back(note.note);
  }
  auto tokens = TokenizeLive(Tokens(), timed, {.segment_ms = kBarSegmentMs});
  assert(tokens.ok());
  CutTo(static_cast<size_t>(max_tokens), *tokens);
  if (tokens->size() <= kHeadTokens) return std::nullopt;
  TrainingCrop crop{*std::move(tokens), {}};
  crop.wanted.assign(crop.tokens.size(), 1);
  std::fill_n(crop.wanted.begin(), kHeadTokens, uint8_t{0});
  return crop;
}

// Where the tokens of events before the line end.
size_t EndBefore(int64_t line_ms, const std::vector<TokenId>& tokens) {
  int64_t segment_ms = 0;
  size_t end = kHeadTokens;
  for (size_t i = kHeadTokens; i < tokens.size(); ++i) {
    if (tokens[i] == kTimeStepToken) {
      segment_ms += kBarSegmentMs;
    } else if (Tokens().onsets().Contains(tokens[i])) {
      if (segment_ms + Tokens().OnsetMs(tokens[i]) >= line_ms) break;
      end = i + 2;
    }
  }
  return end;
}

void UnwantOnsets(int64_t line_ms, TrainingCrop& crop) {
  const size_t end = EndBefore(line_ms, crop.tokens);
  for (size_t i = 0; i < end; ++i) {
    if (Tokens().onsets().Contains(crop.tokens[i])) crop.wanted[i] = 0;
  }
}

bool NoBarEmpty(const std::vector<TrainingNote>& notes, int64_t begin,
                int64_t end) {
  for (int64_t bar = begin; bar < end; ++bar) {
    if (FirstFrom(notes, bar) == FirstFrom(notes, bar + 1)) return false;
  }
  return true;
}

// A call of `bars` bars and its answer, if both are there and fit.
std::optional<TrainingCrop> AnswerCropOf(const std::vector<TrainingNote>& part,
                                         int64_t piece_bars, int64_t bars,
                                         const CropOptions& options,
                                         Random& random) {
  if (piece_bars < 2 * bars) return std::nullopt;
  const int64_t begin = Uniform(0, piece_bars - 2 * bars, random);
  const int64_t line_ms = bars * kWarpedBarMs;
  // A <T> leads to each of the segments but the first, and one ends the last.
  const int time_steps = static_cast<int>(bars);
  const size_t most = MostNotes(options.max_tokens - time_steps);
  auto notes = NotesOf(part, begin, begin + 2 * bars, most + 1);
  if (notes.size() > most) return std::nullopt;
  TransposeAndShift(random, notes);
  const bool has_call = !notes.empty() && notes.front().note.onset_ms < line_ms;
  if (!has_call || !NoBarEmpty(notes, bars, 2 * bars)) return std::nullopt;
  if (Chance(options.jittered_share, random)) {
    JitterAsPlayed(line_ms, random, notes);
  }
  auto crop = CropOf(std::move(notes), options.max_tokens);
  if (!crop) return crop;
  std::fill_n(crop->wanted.begin(), EndBefore(line_ms, crop->tokens),
              uint8_t{0});
  crop->tokens.push_back(kTimeStepToken);
  crop->wanted.push_back(1);
  return crop;
}

}  // namespace

std::optional<TrainingCrop> PlainCrop(const TrainingPiece& piece, int64_t bar,
                                      int max_tokens) {
  auto notes = NotesOf(piece.notes, bar, piece.bars(), MostNotes(max_tokens));
  Transpose(0, notes);
  return CropOf(std::move(notes), max_tokens);
}

std::optional<TrainingCrop> RandomCrop(const TrainingPiece& piece,
                                       const CropOptions& options,
                                       Random& random) {
  const std::vector<TrainingNote> part = RandomPart(piece.notes, random);
  const size_t most = MostNotes(options.max_tokens);
  const int64_t bar = RandomBar(piece.bars(), part, most, random);
  auto notes = NotesOf(part, bar, piece.bars(), most);
  if (notes.empty()) return std::nullopt;
  const int64_t lines = notes.back().note.onset_ms / kWarpedBarMs;
  TransposeAndShift(random, notes);
  if (lines == 0 || !Chance(options.jittered_share, random)) {
    return CropOf(std::move(notes), options.max_tokens);
  }
  const int64_t line_ms = Uniform(1, lines, random) * kWarpedBarMs;
  JitterAsPlayed(line_ms, random, notes);
  auto crop = CropOf(std::move(notes), options.max_tokens);
  if (crop) UnwantOnsets(line_ms, *crop);
  return crop;
}

std::optional<TrainingCrop> AnswerCrop(const TrainingPiece& piece,
                                       const CropOptions& options,
                                       Random& random) {
  const auto part = RandomPart(piece.notes, random);
  if (Chance(.5, random)) {
    auto crop = AnswerCropOf(part, piece.bars(), 4, options, random);
    if (crop) return crop;
  }
  return AnswerCropOf(part, piece.bars(), 2, options, random);
}

}  // namespace antiphon::inference
