// SPDX-License-Identifier: Apache-2.0
#include "inference/aria/vocabulary.h"

#include <array>
#include <cassert>
#include <charconv>
#include <cstddef>
#include <string>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace antiphon::inference {
namespace {

constexpr TokenId kSpecialTokens = 6;
constexpr int kDurSteps = kMaxDurationMs / kTimeStepMs + 1;
constexpr int kOnsetSteps = kMaxSegmentMs / kTimeStepMs;
constexpr int kAllInstruments = 10;

constexpr std::array<std::string_view, kSpecialTokens> kSpecialTexts = {
    "<S>", "<E>", "<P>", "<U>", "<D>", "<T>"};

constexpr std::array<std::string_view, kAllInstruments + 1> kInstruments = {
    "piano", "organ", "guitar", "bass",       "strings", "ensemble",
    "brass", "reed",  "pipe",   "synth_lead", "drum"};

// After the instruments, in the vocabularies that have more than the piano.
constexpr std::array<std::string_view, 22> kMetadataPrefixes = {
    "composer:bach",
    "composer:beethoven",
    "composer:mozart",
    "composer:chopin",
    "composer:rachmaninoff",
    "composer:liszt",
    "composer:debussy",
    "composer:schubert",
    "composer:brahms",
    "composer:ravel",
    "composer:satie",
    "composer:scarlatti",
    "form:sonata",
    "form:prelude",
    "form:nocturne",
    "form:\xC3\xA9tude",
    "form:waltz",
    "form:mazurka",
    "form:impromptu",
    "form:fugue",
    "genre:jazz",
    "genre:classical"};

constexpr std::array<VocabularyKind, 3> kKinds = {
    VocabularyKind::kDefault, VocabularyKind::kDemo25, VocabularyKind::kDemo26};

// A whole decimal number without a sign, else nothing.
std::optional<int> ParseNumber(std::string_view text) {
  int value = 0;
  const char* end = text.data() + text.size();
  auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end || value < 0) {
    return std::nullopt;
  }
  // "007" is not how a token is written.
  if (text.size() > 1 && text.front() == '0') return std::nullopt;
  return value;
}

// Step of `value` on a grid of `count` steps, else nothing.
std::optional<int> GridStep(std::optional<int> value, int step, int count) {
  if (!value || *value % step != 0 || *value / step >= count) {
    return std::nullopt;
  }
  return *value / step;
}

// The part after `prefix`, if the text starts with it.
std::optional<std::string_view> After(std::string_view text,
                                      std::string_view prefix) {
  if (text.substr(0, prefix.size()) != prefix || text.size() == prefix.size()) {
    return std::nullopt;
  }
  return text.substr(prefix.size());
}

int InstrumentIndex(std::string_view name) {
  for (size_t i = 0; i < kInstruments.size(); ++i) {
    if (kInstruments[i] == name) return static_cast<int>(i);
  }
  return -1;
}

std::string Text(std::string_view text) { return std::string(text); }

}  // namespace

std::string_view InstrumentName(int instrument) {
  if (instrument < 0 || instrument > kDrumInstrument) return "";
  return kInstruments[static_cast<size_t>(instrument)];
}

Vocabulary::Vocabulary(VocabularyKind kind) : kind_(kind) {
  const bool piano_only = kind == VocabularyKind::kDemo26;
  instruments_ = piano_only ? 1 : kAllInstruments;
  TokenId next = kSpecialTokens;
  const auto take = [&next](int count) {
    const IdBlock block{next, next + count};
    next += count;
    return block;
  };
  prefixes_ = take(piano_only ? 1
                              : kAllInstruments + 1 +
                                    static_cast<int>(kMetadataPrefixes.size()));
  notes_ = take(instruments_ * kPitches * kVelocitySteps);
  drums_ = take(piano_only ? 0 : kDrumNotes);
  durs_ = take(kDurSteps);
  onsets_ = take(kOnsetSteps);
  pedals_ = take(kind == VocabularyKind::kDefault ? 0 : 2);
  size_ = next + (piano_only ? 1 : 0);  // <X>
}

std::optional<Vocabulary> Vocabulary::FromRows(int rows) {
  for (VocabularyKind kind : kKinds) {
    if (const Vocabulary vocabulary(kind); vocabulary.size() == rows) {
      return vocabulary;
    }
  }
  return std::nullopt;
}

std::optional<Vocabulary> Vocabulary::FromName(std::string_view name) {
  for (VocabularyKind kind : kKinds) {
    if (const Vocabulary vocabulary(kind); vocabulary.name() == name) {
      return vocabulary;
    }
  }
  return std::nullopt;
}

TokenId Vocabulary::NoteId(int pitch, int velocity) const {
  return InstrumentNoteId(0, pitch, velocity);
}

TokenId Vocabulary::OnsetId(int ms) const {
  assert(ms >= 0 && ms < kMaxSegmentMs && ms % kTimeStepMs == 0);
  return onsets_.begin + ms / kTimeStepMs;
}

TokenId Vocabulary::DurId(int ms) const {
  assert(ms >= 0 && ms <= kMaxDurationMs && ms % kTimeStepMs == 0);
  return durs_.begin + ms / kTimeStepMs;
}

TokenId Vocabulary::InstrumentNoteId(int instrument, int pitch,
                                     int velocity) const {
  assert(pitch >= 0 && pitch < kPitches);
  assert(velocity >= 0 && velocity <= kMaxVelocityToken &&
         velocity % kVelocityStep == 0);
  if (instrument < 0 || instrument >= instruments_) return kUnknownToken;
  return notes_.begin + (instrument * kPitches + pitch) * kVelocitySteps +
         velocity / kVelocityStep;
}

TokenId Vocabulary::InstrumentPrefixId(int instrument) const {
  const bool known =
      instrument >= 0 && (instrument < instruments_ ||
                          (instrument == kDrumInstrument && has_drums()));
  return known ? prefixes_.begin + instrument : kUnknownToken;
}

TokenId Vocabulary::DrumId(int midi_note) const {
  const TokenId id = drums_.begin + midi_note - kFirstDrumNote;
  return drums_.Contains(id) ? id : kUnknownToken;
}

NoteToken Vocabulary::NoteOf(TokenId id) const {
  assert(notes_.Contains(id));
  const int index = id - notes_.begin;
  const int key = index / kVelocitySteps;
  return {key / kPitches, key % kPitches,
          index % kVelocitySteps * kVelocityStep};
}

int Vocabulary::OnsetMs(TokenId id) const {
  assert(onsets_.Contains(id));
  return (id - onsets_.begin) * kTimeStepMs;
}

int Vocabulary::DurMs(TokenId id) const {
  assert(durs_.Contains(id));
  return (id - durs_.begin) * kTimeStepMs;
}

TokenClass Vocabulary::ClassOf(TokenId id) const {
  if (id < 0 || id >= size_) return TokenClass::kInvalid;
  if (prefixes_.Contains(id)) return TokenClass::kPrefix;
  if (notes_.Contains(id)) return TokenClass::kNote;
  if (drums_.Contains(id)) return TokenClass::kDrum;
  if (durs_.Contains(id)) return TokenClass::kDur;
  if (onsets_.Contains(id)) return TokenClass::kOnset;
  if (pedals_.Contains(id)) return TokenClass::kPedal;
  return TokenClass::kSpecial;
}

std::string Vocabulary::TextOf(TokenId id) const {
  switch (ClassOf(id)) {
    case TokenClass::kSpecial:
      return id == delimiter() ? "<X>"
                               : Text(kSpecialTexts[static_cast<size_t>(id)]);
    case TokenClass::kPrefix:
      return PrefixText(id);
    case TokenClass::kNote: {
      const NoteToken note = NoteOf(id);
      return absl::StrCat(Text(InstrumentName(note.instrument)), ":",
                          note.pitch, ":", note.velocity);
    }
    case TokenClass::kDrum:
      return absl::StrCat("drum:", id - drums_.begin + kFirstDrumNote);
    case TokenClass::kDur:
      return absl::StrCat("dur:", DurMs(id));
    case TokenClass::kOnset:
      return absl::StrCat("onset:", OnsetMs(id));
    case TokenClass::kPedal:
      return id == pedals_.begin ? "<PED_ON>" : "<PED_OFF>";
    case TokenClass::kInvalid:
      break;
  }
  return Text(kSpecialTexts[kUnknownToken]);
}

std::string Vocabulary::PrefixText(TokenId id) const {
  const int index = id - prefixes_.begin;
  if (const std::string_view name = InstrumentName(index); !name.empty()) {
    return "prefix:instrument:" + Text(name);
  }
  const auto metadata = static_cast<size_t>(index - kAllInstruments - 1);
  return "prefix:" + Text(kMetadataPrefixes[metadata]);
}

std::optional<TokenId> Vocabulary::TimedId(std::string_view text) const {
  if (const auto ms = After(text, "onset:")) {
    const auto step = GridStep(ParseNumber(*ms), kTimeStepMs, onsets_.size());
    return step ? onsets_.begin + *step : kUnknownToken;
  }
  if (const auto ms = After(text, "dur:")) {
    const auto step = GridStep(ParseNumber(*ms), kTimeStepMs, durs_.size());
    return step ? durs_.begin + *step : kUnknownToken;
  }
  return std::nullopt;
}

TokenId Vocabulary::NoteIdOf(std::string_view text) const {
  const size_t first = text.find(':');
  if (first == std::string_view::npos) return kUnknownToken;
  const size_t second = text.find(':', first + 1);
  if (second == std::string_view::npos) return kUnknownToken;
  const auto pitch = GridStep(
      ParseNumber(text.substr(first + 1, second - first - 1)), 1, kPitches);
  const auto velocity = GridStep(ParseNumber(text.substr(second + 1)),
                                 kVelocityStep, kVelocitySteps);
  if (!pitch || !velocity) return kUnknownToken;
  return InstrumentNoteId(InstrumentIndex(text.substr(0, first)), *pitch,
                          *velocity * kVelocityStep);
}

TokenId Vocabulary::IdOf(std::string_view text) const {
  for (TokenId id = 0; id < kSpecialTokens; ++id) {
    if (text == kSpecialTexts[static_cast<size_t>(id)]) return id;
  }
  if (delimiter() && text == "<X>") return *delimiter();
  if (has_pedals() && text == "<PED_ON>") return pedals_.begin;
  if (has_pedals() && text == "<PED_OFF>") return pedals_.begin + 1;
  if (After(text, "prefix:")) {
    for (TokenId id = prefixes_.begin; id < prefixes_.end; ++id) {
      if (text == PrefixText(id)) return id;
    }
    return kUnknownToken;
  }
  if (const auto id = TimedId(text)) return *id;
  if (const auto number = After(text, "drum:")) {
    return DrumId(ParseNumber(*number).value_or(-1));
  }
  return NoteIdOf(text);
}

std::string_view Vocabulary::name() const {
  switch (kind_) {
    case VocabularyKind::kDefault:
      return "default";
    case VocabularyKind::kDemo25:
      return "demo25";
    case VocabularyKind::kDemo26:
      return "demo26";
  }
  return "";
}

std::optional<TokenId> Vocabulary::delimiter() const {
  if (kind_ != VocabularyKind::kDemo26) return std::nullopt;
  return size_ - 1;
}

}  // namespace antiphon::inference
