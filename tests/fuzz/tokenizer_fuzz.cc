// SPDX-License-Identifier: Apache-2.0
//
// Any MIDI file into tokens: refused, or a sequence that the grammar accepts
// and from which as many notes come back as it has.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "inference/aria/detokenizer.h"
#include "inference/aria/grammar.h"
#include "inference/aria/tokenizer.h"

namespace {

using namespace antiphon::inference;  // NOLINT

void Require(bool condition) {
  if (!condition) std::abort();
}

void Check(const Vocabulary& vocabulary, const antiphon::MidiFile& file,
           const FileOptions& options) {
  const auto tokens = TokenizeFile(vocabulary, file, options);
  if (!tokens.ok()) return;
  Grammar grammar(vocabulary);
  for (const TokenId token : *tokens) {
    Require(grammar.Advance(token) != Grammar::Step::kRefused);
  }
  const auto list = Detokenize(vocabulary, *tokens);
  if (!list.ok()) {
    // With pedal tokens there are drums on the way in, but not on the way back.
    const TokenId drum = vocabulary.InstrumentPrefixId(kDrumInstrument);
    Require(vocabulary.has_pedals() && vocabulary.has_drums() &&
            std::count(tokens->begin(), tokens->end(), drum) == 1);
    return;
  }
  const auto in = [&](IdBlock block) {
    return std::count_if(tokens->begin(), tokens->end(),
                         [&](TokenId id) { return block.Contains(id); });
  };
  // Without <E> a drum or pedal at the very end is lost.
  const int64_t lost = options.inference_prompt_ms ? 1 : 0;
  const auto notes = static_cast<int64_t>(list->notes.size());
  const auto pedals = static_cast<int64_t>(list->pedals.size());
  const int64_t all =
      in(vocabulary.notes()) + in(vocabulary.drums()) + in(vocabulary.pedals());
  Require(notes + pedals <= all && notes + pedals >= all - lost);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto file = antiphon::ParseMidiFile(absl::MakeConstSpan(data, size));
  if (!file.ok()) return 0;
  for (const char* name : {"default", "demo25", "demo26"}) {
    const Vocabulary vocabulary = *Vocabulary::FromName(name);
    FileOptions options;
    Check(vocabulary, *file, options);
    options.keep_silence = true;
    options.remove_redundant_pedals = true;
    Check(vocabulary, *file, options);
    options.inference_prompt_ms = 1000;
    Check(vocabulary, *file, options);
  }
  return 0;
}
