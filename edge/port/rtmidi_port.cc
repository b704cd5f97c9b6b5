// SPDX-License-Identifier: Apache-2.0
#include "edge/port/rtmidi_port.h"

#include <RtMidi.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <iostream>
#include <type_traits>
#include <utility>

#ifdef __unix__
#include <dlfcn.h>
#endif

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/rt/clock.h"
#include "edge/port/port_name.h"

namespace antiphon::edge {
namespace {

// JACK makes a connection at the start of a period that follows, and loses what
// is sent before: the period that runs when it is asked, the next, and one that
// was late.
constexpr uint64_t kConnectPeriods = 3;

// Collects what RtMidi reports: with a callback set it throws no more. While a
// port is set up the first text is kept; later, in any thread, only counted.
class RtMidiErrors {
 public:
  static void OnError(RtMidiError::Type type, const std::string& text,
                      void* self) {
    if (type == RtMidiError::DEBUG_WARNING) return;
    auto* errors = static_cast<RtMidiErrors*>(self);
    if (errors->count_.fetch_add(1, std::memory_order_relaxed) == 0) {
      errors->first_ = text;
    }
  }

  // While no other thread reports.
  void Forget() { count_.store(0, std::memory_order_relaxed); }
  bool any() const { return count() > 0; }
  uint64_t count() const { return count_.load(std::memory_order_relaxed); }
  const std::string& first() const { return first_; }

 private:
  std::atomic<uint64_t> count_{0};
  std::string first_;
};

struct Api {
  MidiApi api;
  RtMidi::Api rtmidi;
  const char* name;
  const char* remedy;
};

// In the order in which kAuto tries them. JACK before ALSA: where a JACK server
// runs, it was started on purpose.
constexpr std::array<Api, 4> kApis = {{
    {MidiApi::kJack, RtMidi::UNIX_JACK, "jack",
     "start a JACK server or choose another MIDI API"},
    {MidiApi::kAlsa, RtMidi::LINUX_ALSA, "alsa",
     "load the kernel module snd-seq or choose another MIDI API"},
    {MidiApi::kCoreMidi, RtMidi::MACOSX_CORE, "core", "check Audio MIDI Setup"},
    {MidiApi::kWindows, RtMidi::WINDOWS_MM, "winmm",
     "check that a MIDI driver is installed"},
}};

#ifdef __unix__
// libjack and ALSA's library are RtMidi's dependencies, not ours, and either
// may be absent: their functions are looked up by name.
template <typename Function>
void CallIfThere(const char* name, Function* argument) {
  if (void* found = dlsym(RTLD_DEFAULT, name)) {
    reinterpret_cast<void (*)(Function*)>(found)(argument);
  }
}
void DropText(const char* /*text*/) {}
void DropError(const char* /*file*/, int /*line*/, const char* /*function*/,
               int /*error*/, const char* /*format*/, ...) {}
#endif

// Keeps consoles clean while a port is set up: RtMidi's constructor writes to
// std::cerr and the libraries below it to stderr, but what fails comes back as
// a Status anyway.
class QuietSetup {
 public:
  QuietSetup() : cerr_(std::cerr.rdbuf(nullptr)) {
#ifdef __unix__
    CallIfThere("jack_set_error_function", &DropText);
    CallIfThere("jack_set_info_function", &DropText);
    CallIfThere("snd_lib_error_set_handler", &DropError);
#endif
  }
  ~QuietSetup() { std::cerr.rdbuf(cerr_); }
  QuietSetup(const QuietSetup&) = delete;
  QuietSetup& operator=(const QuietSetup&) = delete;

 private:
  std::streambuf* const cerr_;
};

bool IsCompiled(const Api& api) {
  std::vector<RtMidi::Api> compiled;
  RtMidi::getCompiledApi(compiled);
  return std::find(compiled.begin(), compiled.end(), api.rtmidi) !=
         compiled.end();
}

absl::Status Unavailable(const Api& api, std::string_view why) {
  return absl::UnavailableError(absl::StrCat(
      "MIDI API ", api.name, ": ", absl::string_view(why.data(), why.size()),
      "; remedy: ", api.remedy));
}

template <typename Port>
constexpr const char* Kind() {
  return std::is_same_v<Port, RtMidiIn> ? "MIDI input" : "MIDI output";
}

// RtMidi 5.0 frees the queue of a JACK output while JACK's thread may still be
// reading it. That thread leaves the queue of a closed port alone, once it has
// ended its period: two of a large buffer are waited for.
struct Discard {
  void operator()(RtMidiIn* port) const { delete port; }
  void operator()(RtMidiOut* port) const {
    port->closePort();
    if (port->getCurrentApi() == RtMidi::UNIX_JACK) {
      rt::SleepUntil(rt::Now() + absl::Milliseconds(50));
    }
    delete port;
  }
};

// A port object of RtMidi, connected to its API, and the errors it reports to.
template <typename Port>
struct Opened {
  std::unique_ptr<RtMidiErrors> errors = std::make_unique<RtMidiErrors>();
  std::unique_ptr<Port, Discard> port{};
};

template <typename Port>
absl::StatusOr<Opened<Port>> OpenApi(const Api& api, const std::string& name) {
  if (!IsCompiled(api)) return Unavailable(api, "not in this build of RtMidi");
  Opened<Port> opened;
  try {
    opened.port.reset(new Port(api.rtmidi, name));
    opened.port->setErrorCallback(&RtMidiErrors::OnError, opened.errors.get());
    // RtMidi reports a missing JACK server only when it is asked for something.
    opened.port->getPortCount();
  } catch (const RtMidiError& error) {
    return Unavailable(api, error.getMessage());
  }
  if (opened.errors->any()) return Unavailable(api, opened.errors->first());
  return opened;
}

template <typename Port>
std::vector<std::string> NamesOf(Port& port) {
  std::vector<std::string> names;
  const unsigned count = port.getPortCount();
  for (unsigned i = 0; i < count; ++i) names.push_back(port.getPortName(i));
  return names;
}

// What a port object is attached to.
struct Target {
  std::string peer;  // full name, "" for a virtual port
  std::string description;
};

// Makes the virtual port or the connection.
template <typename Port>
absl::StatusOr<Target> Attach(const Api& api, const PortOptions& options,
                              Opened<Port>& opened) {
  Target target;
  opened.errors->Forget();
  if (options.peer.empty()) {
    opened.port->openVirtualPort(options.own_name);
    target.description =
        absl::StrCat(api.name, ", virtual port \"", options.own_name, "\"");
  } else {
    const std::vector<std::string> names = NamesOf(*opened.port);
    auto match = MatchPortName(absl::StrCat(Kind<Port>(), " (", api.name, ")"),
                               options.peer, names);
    if (!match.ok()) return match.status();
    opened.port->openPort(static_cast<unsigned>(*match), options.own_name);
    target.peer = names[*match];
    target.description =
        absl::StrCat(api.name, ", connected to \"", target.peer, "\"");
  }
  if (opened.errors->any()) {
    return absl::UnavailableError(absl::StrCat(
        Kind<Port>(), " \"", options.own_name, "\" (", target.description,
        ") cannot be opened: ", opened.errors->first(),
        "; remedy: name a port that exists, see the list of ports"));
  }
  return target;
}

template <typename Port>
struct Attached {
  const Api* api;
  Opened<Port> opened;
  Target target;
};

// `prepare(port)` comes before the port exists for others, so that nothing that
// arrives is missed.
template <typename Port, typename Prepare>
absl::StatusOr<Attached<Port>> Open(const PortOptions& options,
                                    Prepare prepare) {
  QuietSetup quiet;
  std::vector<std::string> absent;   // APIs that do not work here
  std::vector<std::string> refused;  // APIs that do, but not this port
  absl::Status last = absl::UnavailableError("RtMidi has no MIDI API");
  for (const Api& api : kApis) {
    if (options.api != api.api && options.api != MidiApi::kAuto) continue;
    if (options.api == MidiApi::kAuto && !IsCompiled(api)) continue;
    auto opened = OpenApi<Port>(api, options.own_name);
    if (!opened.ok()) {
      absent.emplace_back(opened.status().message());
      continue;
    }
    prepare(*opened->port);
    auto target = Attach(api, options, *opened);
    if (target.ok()) {
      return Attached<Port>{&api, *std::move(opened), *std::move(target)};
    }
    refused.emplace_back(target.status().message());
    last = target.status();
  }
  if (!refused.empty()) {
    return absl::Status(last.code(), absl::StrJoin(refused, "; "));
  }
  if (absent.empty()) return last;
  return absl::UnavailableError(absl::StrJoin(absent, "; "));
}

}  // namespace

// One port of RtMidi that is opened, lost and opened again. Threads as in the
// header: server_gone() and port() may be used while another thread asks
// Alive(), nothing while one closes or opens.
template <typename Port>
class RtMidiConnection {
 public:
  using Prepare = std::function<void(Port&)>;

  RtMidiConnection(const PortOptions& options, Prepare prepare)
      : options_(options), prepare_(std::move(prepare)) {}

  absl::Status Open() {
    const absl::Status watched = OpenWatch();
    if (!watched.ok()) return watched;
    // As it was before the port is there, so that nothing since is missed.
    const uint64_t deaths = options_.watch ? options_.watch->deaths() : 0;
    const uint64_t gone = options_.watch ? options_.watch->gone() : 0;
    const bool again = opened_.port != nullptr && !server_gone();
    const absl::Status opened = again ? OpenAgain() : OpenAnew();
    if (!opened.ok()) return opened;
    deaths_ = deaths;
    gone_ = gone;
    AwaitConnection();
    return CheckConnection();
  }

  bool Alive() {
    if (server_gone()) return false;
    if (options_.peer.empty()) return true;
    if (IsWatched() && options_.watch->HasGone(target_.peer, gone_)) {
      return false;
    }
    const std::vector<std::string> names = NamesOf(*opened_.port);
    return std::find(names.begin(), names.end(), target_.peer) != names.end();
  }

  // A client of a dead server must not outlive it; one of a living server is
  // kept, to look for the port with.
  void Close() {
    if (opened_.port == nullptr) return;
    if (server_gone()) {
      opened_.port.reset();
      options_.watch->CloseIfDead();
    } else {
      opened_.port->closePort();
    }
  }

  bool IsWatched() const {
    return api_->api == MidiApi::kJack && options_.watch != nullptr;
  }
  bool IsVirtual() const { return options_.peer.empty(); }
  bool server_gone() const {
    return IsWatched() && options_.watch->deaths() != deaths_;
  }
  Port* port() const { return opened_.port.get(); }
  const JackWatch& watch() const { return *options_.watch; }
  uint64_t errors() const { return opened_.errors->count(); }
  const std::string& description() const { return target_.description; }

 private:
  // Where the port was JACK's, no server means no attempt: RtMidi 5.0 leaks a
  // queue with each.
  absl::Status OpenWatch() {
    const bool jack =
        options_.api == MidiApi::kJack || options_.api == MidiApi::kAuto;
    if (options_.watch == nullptr || !jack) return absl::OkStatus();
    QuietSetup quiet;
    options_.watch->Open();
    if (api_ == nullptr || options_.watch->is_open()) return absl::OkStatus();
    return absl::UnavailableError("there is no JACK server");
  }

  void AwaitConnection() {
    if (!IsWatched()) return;
    const JackWatch& watch = *options_.watch;
    const uint64_t asked = watch.cycles();
    const MonoTime give_up = rt::Now() + kConnectPatience;
    while (watch.is_open() && !server_gone() &&
           watch.cycles() - asked < kConnectPeriods && rt::Now() < give_up) {
      rt::SleepUntil(rt::Now() + absl::Milliseconds(1));
    }
  }

  // JACK connects no port of a client that is not active yet, and RtMidi does
  // not tell.
  absl::Status CheckConnection() {
    if (options_.peer.empty() || !IsWatched() || !options_.watch->is_open() ||
        server_gone() ||
        options_.watch->AreConnected(target_.peer, options_.own_name)) {
      return absl::OkStatus();
    }
    opened_.port->closePort();
    return absl::UnavailableError(
        absl::StrCat(Kind<Port>(), " \"", target_.peer,
                     "\" (jack) is there but takes no connection; remedy: "
                     "wait until its program is ready"));
  }

  absl::Status OpenAnew() {
    opened_.port.reset();  // before the errors that it reports to
    auto attached = edge::Open<Port>(options_, prepare_);
    if (!attached.ok()) return attached.status();
    api_ = attached->api;
    options_.api = api_->api;  // a lost port never moves to another API
    opened_ = std::move(attached->opened);
    target_ = std::move(attached->target);
    return absl::OkStatus();
  }

  absl::Status OpenAgain() {
    auto target = Attach(*api_, options_, opened_);
    if (!target.ok()) {
      opened_.port->closePort();  // a connection that failed half way
      return target.status();
    }
    target_ = *std::move(target);
    return absl::OkStatus();
  }

  static constexpr absl::Duration kConnectPatience = absl::Milliseconds(500);

  PortOptions options_;
  const Prepare prepare_;
  const Api* api_ = nullptr;
  Opened<Port> opened_;
  Target target_;
  uint64_t deaths_ = 0;  // of servers, when the port was opened
  uint64_t gone_ = 0;    // ports that had gone, when it was opened
};

std::optional<MidiApi> ParseMidiApi(std::string_view name) {
  if (name == "auto") return MidiApi::kAuto;
  for (const Api& api : kApis) {
    if (name == api.name) return api.api;
  }
  return std::nullopt;
}

std::vector<PortList> ListPorts(MidiApi wanted) {
  QuietSetup quiet;
  std::vector<PortList> lists;
  for (const Api& api : kApis) {
    if (wanted == MidiApi::kAuto ? !IsCompiled(api) : wanted != api.api) {
      continue;
    }
    PortList list;
    list.api = api.name;
    auto in = OpenApi<RtMidiIn>(api, "Antiphon list");
    auto out = OpenApi<RtMidiOut>(api, "Antiphon list");
    list.status = in.ok() ? out.status() : in.status();
    if (in.ok()) list.inputs = NamesOf(*in->port);
    if (out.ok()) list.outputs = NamesOf(*out->port);
    lists.push_back(std::move(list));
  }
  return lists;
}

// ---- Input ----

absl::StatusOr<std::unique_ptr<RtMidiInput>> RtMidiInput::Create(
    const PortOptions& options, MidiRing* ring) {
  auto input = std::unique_ptr<RtMidiInput>(new RtMidiInput(options, ring));
  const absl::Status opened = input->connection_->Open();
  if (!opened.ok()) return opened;
  return input;
}

RtMidiInput::RtMidiInput(const PortOptions& options, MidiRing* ring)
    : ring_(ring),
      filter_(options.filter),
      connection_(std::make_unique<RtMidiConnection<RtMidiIn>>(
          options, [this](RtMidiIn& port) {
            port.ignoreTypes(false, false, false);
            port.setCallback(&RtMidiInput::OnDelivery, this);
          })) {}

RtMidiInput::~RtMidiInput() = default;

void RtMidiInput::OnDelivery(double /*delta*/,
                             std::vector<unsigned char>* bytes, void* self) {
  auto* input = static_cast<RtMidiInput*>(self);
  const MonoTime now = rt::Now();
  input->parser_.Feed(*bytes, [input, now](const MidiMessage& message) {
    if (!input->filter_.Passes(message)) return;
    input->held_.Follow(message);
    input->ring_->TryPush({now, message});
  });
  input->malformed_.store(input->parser_.dropped(), std::memory_order_relaxed);
}

bool RtMidiInput::Alive() { return connection_->Alive(); }

void RtMidiInput::Close() {
  connection_->Close();
  // Nothing can arrive any more: this thread is the ring's producer.
  const MonoTime now = rt::Now();
  held_.EndAll([&](const MidiMessage& off) { ring_->TryPush({now, off}); });
}

absl::Status RtMidiInput::Reopen() { return connection_->Open(); }

std::string RtMidiInput::description() const {
  return connection_->description();
}

// ---- Output ----

absl::StatusOr<std::unique_ptr<RtMidiOutput>> RtMidiOutput::Create(
    const PortOptions& options) {
  auto output = std::unique_ptr<RtMidiOutput>(new RtMidiOutput(options));
  const absl::Status opened = output->connection_->Open();
  if (!opened.ok()) return opened;
  return output;
}

RtMidiOutput::RtMidiOutput(const PortOptions& options)
    : connection_(std::make_unique<RtMidiConnection<RtMidiOut>>(
          options, [](RtMidiOut&) {})) {}

RtMidiOutput::~RtMidiOutput() {
  // A JACK port that goes takes along what its readers have not seen yet: the
  // last note-offs. Two periods of a large buffer are enough.
  if (connection_->port() != nullptr && !connection_->server_gone()) {
    rt::SleepUntil(rt::Now() + absl::Milliseconds(50));
  }
}

bool RtMidiOutput::Send(const MidiMessage& message) noexcept {
  if (message.size() == 0 || connection_->port() == nullptr || !HasRoom()) {
    return false;
  }
  const uint64_t errors = connection_->errors();
  try {
    connection_->port()->sendMessage(message.data(), message.size());
  } catch (...) {
    return false;
  }
  return connection_->errors() == errors;
}

// A period of JACK takes everything that is queued.
bool RtMidiOutput::HasRoom() noexcept {
  if (!connection_->IsWatched()) return true;
  if (connection_->server_gone()) return false;
  const JackWatch& watch = connection_->watch();
  if (!watch.is_open()) return true;
  const uint64_t cycle = watch.cycles();
  if (cycle != last_cycle_) untaken_ = 0;
  last_cycle_ = cycle;
  return untaken_++ < kMaxUntaken;
}

Newcomer RtMidiOutput::LookForNewcomer() noexcept {
  if (!connection_->IsVirtual()) return Newcomer::kNone;
  if (!connection_->IsWatched() || !connection_->watch().is_open()) {
    return Newcomer::kUntold;
  }
  const JackWatch& watch = connection_->watch();
  const uint64_t joined = watch.joined();
  if (joined != joined_) coming_since_ = watch.cycles();
  joined_ = joined;
  if (!coming_since_) return Newcomer::kNone;
  if (watch.cycles() - *coming_since_ < kConnectPeriods) {
    return Newcomer::kComing;
  }
  coming_since_.reset();
  return Newcomer::kThere;
}

bool RtMidiOutput::Alive() { return connection_->Alive(); }

void RtMidiOutput::Close() { connection_->Close(); }

absl::Status RtMidiOutput::Reopen() { return connection_->Open(); }

std::string RtMidiOutput::description() const {
  return connection_->description();
}

}  // namespace antiphon::edge
