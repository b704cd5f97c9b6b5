// SPDX-License-Identifier: Apache-2.0
#include "edge/midi_ports.h"

#include <algorithm>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "edge/port/no_output.h"

namespace antiphon::edge {
absl::StatusOr<std::unique_ptr<MidiPorts>> MidiPorts::Create(
    const Options& options) {
  auto ports = absl::WrapUnique(new MidiPorts());
  PortOptions port{.api = options.api, .watch = &ports->watch_};
  absl::Status status = ports->OpenInputs(options, port);
  if (status.ok() && options.out) {
    port.own_name = kOutputName;
    port.peer = *options.out;
    status = ports->OpenOutput(port, options.channel);
  }
  if (!status.ok()) return status;
  if (!options.out) ports->output_ = std::make_unique<NoOutput>();
  std::vector<KeptPort*> kept;
  for (const Input& input : ports->inputs_) kept.push_back(input.port.get());
  if (ports->kept_output_ != nullptr) kept.push_back(ports->kept_output_);
  if (!kept.empty()) ports->watcher_ = std::make_unique<PortWatcher>(kept);
  return ports;
}

absl::Status MidiPorts::OpenInputs(const Options& options, PortOptions port) {
  for (size_t i = 0; i < options.in.size(); ++i) {
    port.own_name =
        i == 0 ? "Antiphon In" : absl::StrCat("Antiphon In ", i + 1);
    port.peer = options.in[i];
    port.filter = {.clock = options.takes_clock && !options.clock && i == 0,
                   .channel = options.in_channel};
    const absl::Status opened = OpenInput(PortKind::kIn, port);
    if (!opened.ok()) return opened;
  }
  if (!options.clock) return absl::OkStatus();
  port.own_name = "Antiphon Clock";
  port.peer = *options.clock;
  port.filter = {.notes = false};
  return OpenInput(PortKind::kClock, port);
}

absl::Status MidiPorts::OpenInput(PortKind kind, const PortOptions& options) {
  Input input{kind};
  input.ring = std::make_unique<MidiRing>(kMidiRingCapacity);
  auto port = RtMidiInput::Create(options, input.ring.get());
  if (!port.ok()) return port.status();
  input.name = (*port)->description();
  for (const Input& other : inputs_) {
    if (options.peer.empty() || other.name != input.name) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        "MIDI input \"", options.peer, "\" is named twice (", input.name,
        "); name each port once, and none for the clock where one port brings "
        "both"));
  }
  input.label = kind == PortKind::kClock ? "clock" : "in";
  if (kind == PortKind::kIn && !inputs_.empty()) {
    absl::StrAppend(&input.label, " ", inputs_.size() + 1);
  }
  input.port = std::make_unique<KeptInput>(
      kind == PortKind::kClock ? "clock" : "input", *std::move(port));
  inputs_.push_back(std::move(input));
  return absl::OkStatus();
}

absl::Status MidiPorts::OpenOutput(const PortOptions& options, int channel) {
  auto port = RtMidiOutput::Create(options);
  if (!port.ok()) return port.status();
  output_name_ = (*port)->description();
  auto kept = std::make_unique<KeptOutput>(*std::move(port), channel);
  kept_output_ = kept.get();
  output_ = std::move(kept);
  return absl::OkStatus();
}

std::vector<MidiRing*> MidiPorts::rings() const {
  std::vector<MidiRing*> rings;
  for (const Input& input : inputs_) rings.push_back(input.ring.get());
  return rings;
}

std::vector<std::string> MidiPorts::names() const {
  std::vector<std::string> names;
  for (const Input& input : inputs_) names.push_back(input.name);
  return names;
}

std::vector<std::string> MidiPorts::labels() const {
  std::vector<std::string> labels;
  for (const Input& input : inputs_) labels.push_back(input.label);
  return labels;
}

std::vector<std::string> MidiPorts::Descriptions() const {
  std::vector<std::string> lines;
  for (const Input& input : inputs_) {
    lines.push_back(absl::StrCat(input.label, ": ", input.name));
  }
  if (kept_output_ != nullptr) lines.push_back("out: " + output_name_);
  return lines;
}

uint64_t MidiPorts::dropped() const {
  uint64_t dropped = 0;
  for (const Input& input : inputs_) dropped += input.ring->dropped();
  return dropped;
}

void MidiPorts::Show(EdgeMetrics& metrics) const {
  std::array<bool, kPortKinds> open{};
  std::array<uint64_t, kPortKinds> reopens{};
  std::array<bool, kPortKinds> used{};
  const auto add = [&](PortKind kind, const KeptPort& port) {
    const auto k = static_cast<size_t>(kind);
    open[k] = port.is_open() && (open[k] || !used[k]);
    used[k] = true;
    reopens[k] += port.reopens();
  };
  for (const Input& input : inputs_) add(input.kind, *input.port);
  if (kept_output_ != nullptr) add(PortKind::kOut, *kept_output_);
  for (size_t k = 0; k < kPortKinds; ++k) {
    metrics.port_open[k]->Set(open[k] ? 1 : 0);
    metrics.port_reopens[k]->RaiseTo(static_cast<double>(reopens[k]));
  }
}

std::string ToText(const std::vector<PortList>& lists) {
  std::string text;
  const auto add = [&text](const char* title,
                           const std::vector<std::string>& names) {
    absl::StrAppend(&text, "  ", title, names.empty() ? " none\n" : "\n");
    for (const std::string& name : names) {
      absl::StrAppend(&text, "    ", name, "\n");
    }
  };
  for (const PortList& list : lists) {
    if (!list.status.ok()) {
      absl::StrAppend(&text, list.api, " is not there. ", list.status.message(),
                      "\n");
      continue;
    }
    absl::StrAppend(&text, list.api, "\n");
    add("Antiphon can listen to (--in, --clock):", list.inputs);
    add("Antiphon can play to (--out):", list.outputs);
  }
  return text +
         "Without --in and --out Antiphon makes ports of its own, where the "
         "system lets it:\n\"Antiphon In\" and \"Antiphon Out\", to be chosen "
         "in the host.\n";
}

}  // namespace antiphon::edge
