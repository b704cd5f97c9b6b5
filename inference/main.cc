// SPDX-License-Identifier: Apache-2.0
//
// antiphon-inference: loads a model (or the mirror), serves musicians until
// SIGTERM, then lets bars in flight end.

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "absl/flags/flag.h"
#include "absl/strings/str_cat.h"
#include "common/address.h"
#include "common/log.h"
#include "common/program.h"
#include "common/rt/clock.h"
#include "inference/engine/aria_answerer.h"
#include "inference/engine/mirror.h"
#include "inference/model/device.h"
#include "inference/model/sleeping_threads.h"
#include "inference/model_answerer.h"
#include "inference/service/server.h"

ABSL_FLAG(std::string, model, "", "DIR, FILE or mirror");
ABSL_FLAG(std::string, listen, "127.0.0.1:50051", "HOST:PORT");
ABSL_FLAG(std::string, metrics, "127.0.0.1:9464", "HOST:PORT, empty: none");
ABSL_FLAG(std::string, device, "cpu", "cpu or cuda");
ABSL_FLAG(int, context_tokens, 1024, "of one musician");
ABSL_FLAG(int, threads, 1, "of the computation");
ABSL_FLAG(std::string, dtype, "auto", "auto, fp32 or bf16");
ABSL_FLAG(int, first_note_candidates, 1, "weighed against each other");
ABSL_FLAG(std::string, config, "", "TOML file of settings");
ABSL_FLAG(bool, insecure, false, "listen beyond this machine without TLS");

namespace antiphon::inference {
namespace {

constexpr char kHelp[] =
    R"(antiphon-inference: answers bars of piano, for many musicians from one model.

  --model=DIR           a checkpoint folder (model.safetensors, model.json), or
                        without it models/starter, which comes with Antiphon
  --model=FILE          a .safetensors file, or
  --model=mirror        each bar comes back as it was played: the sound check
  --listen=127.0.0.1:50051    where edges connect; port 0 takes a free one
  --insecure            allow an address other than this machine's, without TLS
  --metrics=127.0.0.1:9464    Prometheus page at /metrics; empty: none
  --device=cpu|cuda     where the model runs; cuda wants a GPU and the
                        libraries of scripts/fetch_libtorch.py --cuda
  --threads=1           of the computation
  --dtype=auto|fp32|bf16      of its weights; bf16 takes half the memory and half
                        the time of a token, and rounds. auto: bf16 where they
                        are stored so and the processor multiplies it
  --context-tokens=1024 music one musician's slot remembers
  --first-note-candidates=1   an answer's first note: drawn like any other, or
                        the likeliest together with its onset of so many, up to
                        8; each takes a token's time before that note

--config=FILE.toml      any of these, such as context-tokens = 2048; a flag wins
--version | --help

Prints "ready on HOST:PORT" when it serves. SIGTERM: bars in flight end first.
Exit code: 0 fine, 1 failed, 2 wrong usage or unusable input.
)";

volatile std::sig_atomic_t stop_requested = 0;
void RequestStop(int) { stop_requested = 1; }

absl::Status CheckAddresses() {
  const std::string listen = absl::GetFlag(FLAGS_listen);
  const std::string metrics = absl::GetFlag(FLAGS_metrics);
  const absl::StatusOr<Address> address = ParseAddress("--listen", listen);
  if (!address.ok()) return address.status();
  if (!address->IsLoopback() && !absl::GetFlag(FLAGS_insecure)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--listen=", listen,
                     " is open to the network without TLS; say --insecure if "
                     "that is meant"));
  }
  return metrics.empty() ? absl::OkStatus()
                         : ParseAddress("--metrics", metrics).status();
}

// The model that comes with Antiphon: models/starter in a folder above the
// program's. "": there is none.
std::string StarterModel() {
  namespace fs = std::filesystem;
  std::error_code error;
  fs::path folder = fs::read_symlink("/proc/self/exe", error).parent_path();
  for (; !folder.empty(); folder = folder.parent_path()) {
    const fs::path starter = folder / "models" / "starter";
    if (fs::exists(starter / "model.safetensors", error)) return starter;
    if (folder == folder.root_path()) break;
  }
  return "";
}

// What only a model reads would be ignored in silence by the mirror.
absl::Status CheckModel(const CommandLine& line) {
  if (absl::GetFlag(FLAGS_model).empty()) {
    absl::SetFlag(&FLAGS_model, StarterModel());
  }
  const std::string model = absl::GetFlag(FLAGS_model);
  if (model.empty()) {
    return absl::InvalidArgumentError(
        "--model is missing, and no folder above this program has "
        "models/starter: name a checkpoint folder, or mirror for a sound "
        "check");
  }
  if (model != "mirror") return absl::OkStatus();
  for (const char* flag : {"device", "threads", "context_tokens", "dtype",
                           "first_note_candidates"}) {
    if (!line.Has(flag)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(line.given.at(flag),
                     " has no effect with --model=mirror; "
                     "leave one out"));
  }
  return absl::OkStatus();
}

absl::Status CheckFlags(const CommandLine& line) {
  const int tokens = absl::GetFlag(FLAGS_context_tokens);
  const int threads = absl::GetFlag(FLAGS_threads);
  const absl::Status device = NamedDevice(absl::GetFlag(FLAGS_device)).status();
  if (!device.ok()) return device;
  if (tokens < 256 || tokens > 8192) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--context-tokens=", tokens, " is not within 256 to 8192"));
  }
  if (threads < 1 || threads > 256) {
    return absl::InvalidArgumentError(
        absl::StrCat("--threads=", threads, " is not within 1 to 256"));
  }
  if (const int notes = absl::GetFlag(FLAGS_first_note_candidates);
      notes < 1 || notes > kMaxFirstNotes) {
    return absl::InvalidArgumentError(
        absl::StrCat("--first-note-candidates=", notes, " is not within 1 to ",
                     kMaxFirstNotes));
  }
  if (const std::string dtype = absl::GetFlag(FLAGS_dtype);
      dtype != "auto" && dtype != "fp32" && dtype != "bf16") {
    return absl::InvalidArgumentError(absl::StrCat(
        "--dtype=", dtype, " is unknown; take auto, fp32 or bf16"));
  }
  absl::Status checked = CheckModel(line);
  return checked.ok() ? CheckAddresses() : checked;
}

absl::Status Serve() {
  Metrics metrics;
  Server::Options options;
  options.listen = absl::GetFlag(FLAGS_listen);
  options.version = ANTIPHON_VERSION;
  std::unique_ptr<Answerer> answerer;
  if (absl::GetFlag(FLAGS_model) == "mirror") {
    answerer = std::make_unique<Mirror>();
    options.model = "mirror";
  } else {
    auto loaded = LoadAnswerer(
        {.path = absl::GetFlag(FLAGS_model),
         .context_tokens = absl::GetFlag(FLAGS_context_tokens),
         .threads = absl::GetFlag(FLAGS_threads),
         .dtype = absl::GetFlag(FLAGS_dtype),
         .device = *NamedDevice(absl::GetFlag(FLAGS_device)),
         .first_notes = absl::GetFlag(FLAGS_first_note_candidates)});
    if (!loaded.ok()) return loaded.status();
    answerer = std::move(loaded->answerer);
    options.model = loaded->info.name;
    options.model_sha256 = loaded->info.sha256;
    options.time_base = loaded->info.time_base;
    options.context_tokens =
        static_cast<uint32_t>(absl::GetFlag(FLAGS_context_tokens));
  }
  std::unique_ptr<Exporter> exporter;
  if (const std::string address = absl::GetFlag(FLAGS_metrics);
      !address.empty()) {
    auto created = Exporter::Create(address, &metrics);
    if (!created.ok()) return created.status();
    exporter = *std::move(created);
  }
  auto server = Server::Create(options, answerer.get(), &metrics);
  if (!server.ok()) return server.status();
  LogInfo("ready on ", ParseAddress("--listen", options.listen)->host, ":",
          (*server)->port(), " model=", options.model);
  while (!stop_requested) rt::SleepUntil(rt::Now() + absl::Milliseconds(20));
  LogInfo("draining");
  (*server)->Drain(absl::Seconds(5));
  return absl::OkStatus();
}

absl::Status Main(const CommandLine& line, char** argv) {
  if (absl::Status checked = CheckFlags(line); !checked.ok()) return checked;
  if (absl::GetFlag(FLAGS_threads) > 1 &&
      std::getenv("OMP_WAIT_POLICY") == nullptr) {
    LetThreadsSleep(argv);
  }
  absl::Status opened = OpenDevice(*NamedDevice(absl::GetFlag(FLAGS_device)));
  if (!opened.ok()) return opened;
  std::signal(SIGINT, RequestStop);
  std::signal(SIGTERM, RequestStop);
  return Serve();
}

}  // namespace
}  // namespace antiphon::inference

int main(int argc, char** argv) {
  return antiphon::RunProgram({.name = "antiphon-inference",
                               .version = ANTIPHON_VERSION,
                               .help = antiphon::inference::kHelp,
                               .config_flag = "config"},
                              argc, argv,
                              [argv](const antiphon::CommandLine& line) {
                                return antiphon::inference::Main(line, argv);
                              });
}
