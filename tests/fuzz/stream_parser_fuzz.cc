// SPDX-License-Identifier: Apache-2.0
//
// Any bytes, cut into deliveries by their own values: the parser emits
// well-formed messages only, no more of them than there are bytes, and after a
// full message it is in step again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "common/midi/stream_parser.h"

namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  antiphon::StreamParser parser;
  size_t messages = 0;
  const auto on_message = [&messages](const antiphon::MidiMessage& m) {
    ++messages;
    Require(m.size() == antiphon::MidiMessage::SizeOf(m.status()));
    for (size_t i = 1; i < m.size(); ++i) Require(m.data()[i] < 0x80);
  };
  size_t begin = 0;
  while (begin < size) {
    const size_t wanted = 1 + data[begin] % 7u;
    const size_t taken = wanted < size - begin ? wanted : size - begin;
    parser.Feed(absl::MakeConstSpan(data + begin, taken), on_message);
    begin += taken;
  }
  Require(messages + parser.dropped() <= size);

  const auto expected = antiphon::MidiMessage::NoteOn(3, 60, 100);
  bool in_step = false;
  parser.Feed(absl::MakeConstSpan(expected.data(), expected.size()),
              [&](const antiphon::MidiMessage& m) { in_step = m == expected; });
  Require(in_step);
  return 0;
}
