// SPDX-License-Identifier: Apache-2.0
//
// The three vocabularies of Aria's AbsTokenizer: which token has which id.
// Ids are positions in one concatenation: special tokens, prefixes, notes,
// drums, durations, onsets, pedals, the delimiter. Everything is a formula;
// nothing is stored but the start of each block, so a Vocabulary is a small
// value that any thread may copy and read.
//
// Times are milliseconds in steps of kTimeStepMs, velocities multiples of
// kVelocityStep. The helpers NoteId, OnsetId and DurId take values that lie on
// these grids (quantise.h puts them there) and check that in debug builds.
#ifndef ANTIPHON_INFERENCE_ARIA_VOCABULARY_H_
#define ANTIPHON_INFERENCE_ARIA_VOCABULARY_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace antiphon::inference {

using TokenId = int32_t;

inline constexpr TokenId kBosToken = 0;       // <S>
inline constexpr TokenId kEosToken = 1;       // <E>
inline constexpr TokenId kPadToken = 2;       // <P>
inline constexpr TokenId kUnknownToken = 3;   // <U>
inline constexpr TokenId kDimToken = 4;       // <D>: the piece is about to end
inline constexpr TokenId kTimeStepToken = 5;  // <T>: the next segment begins
inline constexpr TokenId kPianoPrefixToken = 6;

inline constexpr int kTimeStepMs = 10;
inline constexpr int kVelocityStep = 10;
inline constexpr int kVelocitySteps = 13;  // 0, 10, …, 120
inline constexpr int kMaxVelocityToken = 120;
inline constexpr int kMaxDurationMs = 5000;
// Length of a segment in Aria's own checkpoints, and the longest one possible.
inline constexpr int kMaxSegmentMs = 5000;
inline constexpr int kFirstDrumNote = 35;
inline constexpr int kDrumNotes = 47;
inline constexpr int kPitches = 128;

enum class VocabularyKind {
  kDefault,  // 10 instruments and drums: 17727 rows
  kDemo25,   // the same and pedal tokens: 17729 rows
  kDemo26,   // piano, pedal tokens, delimiter: 2675 rows
};

enum class TokenClass {
  kSpecial,  // <S> <E> <P> <U> <D> <T>, and <X> in demo26
  kPrefix,
  kNote,
  kDrum,
  kDur,
  kOnset,
  kPedal,
  kInvalid,  // not an id of this vocabulary
};

// Ids from begin up to, excluding, end.
struct IdBlock {
  TokenId begin = 0;
  TokenId end = 0;

  bool Contains(TokenId id) const { return begin <= id && id < end; }
  int size() const { return end - begin; }
};

// What a note token says.
struct NoteToken {
  int instrument = 0;  // index into InstrumentName, 0 = piano
  int pitch = 0;
  int velocity = 0;
};

inline constexpr int kDrumInstrument = 10;

// "piano", "organ", … "synth_lead", "drum" for 0..10, else "".
std::string_view InstrumentName(int instrument);

class Vocabulary {
 public:
  explicit Vocabulary(VocabularyKind kind);

  // The vocabulary that has this many ids (rows of the embedding), if any.
  static std::optional<Vocabulary> FromRows(int rows);
  // "default", "demo25", "demo26".
  static std::optional<Vocabulary> FromName(std::string_view name);

  // Piano, the only instrument of the live path. velocity: 0, 10, …, 120.
  TokenId NoteId(int pitch, int velocity) const;
  // ms: 0, 10, …, 4990.
  TokenId OnsetId(int ms) const;
  // ms: 0, 10, …, 5000.
  TokenId DurId(int ms) const;
  // kUnknownToken where the vocabulary lacks the instrument or drum.
  TokenId InstrumentNoteId(int instrument, int pitch, int velocity) const;
  TokenId InstrumentPrefixId(int instrument) const;
  TokenId DrumId(int midi_note) const;
  // Only where has_pedals().
  TokenId PedalId(bool down) const { return pedals_.begin + (down ? 0 : 1); }

  // Inverses; the id must be of the class that the name says (any instrument).
  NoteToken NoteOf(TokenId id) const;
  int PitchOf(TokenId id) const { return NoteOf(id).pitch; }
  int VelocityOf(TokenId id) const { return NoteOf(id).velocity; }
  int OnsetMs(TokenId id) const;
  int DurMs(TokenId id) const;

  TokenClass ClassOf(TokenId id) const;
  // "<S>", "prefix:instrument:piano", "piano:60:80", "drum:36", "onset:1230",
  // "dur:450", "<PED_ON>"; "<U>" for what is not an id.
  std::string TextOf(TokenId id) const;
  // kUnknownToken for what is not the text of a token.
  TokenId IdOf(std::string_view text) const;

  VocabularyKind kind() const { return kind_; }
  std::string_view name() const;
  int size() const { return size_; }
  int instruments() const { return instruments_; }
  bool has_drums() const { return drums_.size() > 0; }
  bool has_pedals() const { return pedals_.size() > 0; }
  IdBlock prefixes() const { return prefixes_; }
  IdBlock notes() const { return notes_; }  // of all instruments
  IdBlock piano_notes() const {
    return {notes_.begin, notes_.begin + kPitches * kVelocitySteps};
  }
  IdBlock drums() const { return drums_; }
  IdBlock durs() const { return durs_; }
  IdBlock onsets() const { return onsets_; }
  IdBlock pedals() const { return pedals_; }  // <PED_ON>, <PED_OFF>, or empty
  std::optional<TokenId> delimiter() const;   // <X>

 private:
  std::string PrefixText(TokenId id) const;
  // Id of "onset:…" or "dur:…"; nothing for any other text.
  std::optional<TokenId> TimedId(std::string_view text) const;
  TokenId NoteIdOf(std::string_view text) const;

  VocabularyKind kind_;
  int instruments_ = 0;
  IdBlock prefixes_;
  IdBlock notes_;
  IdBlock drums_;
  IdBlock durs_;
  IdBlock onsets_;
  IdBlock pedals_;
  int size_ = 0;
};

}  // namespace antiphon::inference

#endif  // ANTIPHON_INFERENCE_ARIA_VOCABULARY_H_
