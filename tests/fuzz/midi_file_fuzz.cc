// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a MIDI file: refused, or accepted as something that can be
// written and reads back the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "common/midi/midi_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto file = antiphon::ParseMidiFile(absl::MakeConstSpan(data, size));
  if (!file.ok()) return 0;
  if (file->tracks.size() >= antiphon::kMaxMidiTracks) return 0;
  const std::string bytes = antiphon::SerializeMidiFile(*file);
  auto back = antiphon::ParseMidiFile(absl::MakeConstSpan(
      reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()));
  if (!back.ok()) std::abort();
  back->tracks.erase(back->tracks.begin());
  if (!(*back == *file)) std::abort();
  return 0;
}
