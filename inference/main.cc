// SPDX-License-Identifier: Apache-2.0
//
// antiphon-inference: loads a model (or the mirror), serves musicians until
// SIGTERM, then lets bars in flight end.
#include <csignal>
#include <cstdio>
#include <memory>
#include <string>

#include "absl/flags/flag.h"
#include "absl/strings/str_cat.h"
#include "common/address.h"
#include "common/flags.h"
#include "common/log.h"
#include "common/rt/clock.h"
#include "inference/engine/mirror.h"
#include "inference/model_answerer.h"
#include "inference/service/server.h"

ABSL_FLAG(std::string, model, "", "DIR, FILE or mirror");
ABSL_FLAG(std::string, listen, "127.0.0.1:50051", "HOST:PORT");
ABSL_FLAG(std::string, metrics, "127.0.0.1:9464", "HOST:PORT, empty: none");
ABSL_FLAG(std::string, device, "cpu", "cpu");
ABSL_FLAG(int, context_tokens, 1024, "of one musician");
ABSL_FLAG(int, threads, 1, "of the computation");
ABSL_FLAG(bool, insecure, false, "listen beyond this machine without TLS");
ABSL_FLAG(bool, help, false, "this text");
ABSL_FLAG(bool, version, false, "the version");

namespace antiphon::inference {
namespace {

constexpr char kHelp[] =
    R"(antiphon-inference: answers bars of piano, for many musicians from one model.

  --model=DIR           a checkpoint folder (model.safetensors, model.json), or
  --model=FILE          a .safetensors file, or
  --model=mirror        each bar comes back as it was played: the sound check
  --listen=127.0.0.1:50051    where edges connect; port 0 takes a free one
  --insecure            allow an address other than this machine's, without TLS
  --metrics=127.0.0.1:9464    Prometheus page at /metrics; empty: none
  --device=cpu --threads=1    what the model runs on
  --context-tokens=1024 music one musician's slot remembers

Prints "ready on HOST:PORT" when it serves. SIGTERM: bars in flight end first.
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

absl::Status CheckFlags() {
  const int tokens = absl::GetFlag(FLAGS_context_tokens);
  const int threads = absl::GetFlag(FLAGS_threads);
  if (absl::GetFlag(FLAGS_model).empty()) {
    return absl::InvalidArgumentError(
        "--model is missing: a checkpoint folder, or mirror for a sound check");
  }
  if (absl::GetFlag(FLAGS_device) != "cpu") {
    return absl::InvalidArgumentError(
        absl::StrCat("--device=", absl::GetFlag(FLAGS_device),
                     " is not built in, want cpu"));
  }
  if (tokens < 256 || tokens > 8192) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--context-tokens=", tokens, " is not within 256 to 8192"));
  }
  if (threads < 1 || threads > 256) {
    return absl::InvalidArgumentError(
        absl::StrCat("--threads=", threads, " is not within 1 to 256"));
  }
  return CheckAddresses();
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
    auto loaded =
        LoadAnswerer({.path = absl::GetFlag(FLAGS_model),
                      .context_tokens = absl::GetFlag(FLAGS_context_tokens),
                      .threads = absl::GetFlag(FLAGS_threads)});
    if (!loaded.ok()) return loaded.status();
    answerer = std::move(loaded->answerer);
    options.model = loaded->name;
    options.model_sha256 = loaded->sha256;
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

int Main(int argc, char** argv) {
  absl::StatusOr<std::vector<std::string>> rest = ParseFlags(argc, argv);
  absl::Status status = rest.status();
  if (status.ok() && !rest->empty()) {
    status = absl::InvalidArgumentError(absl::StrCat(
        "unexpected argument ", rest->front(), "; --help lists the flags"));
  }
  if (status.ok() && absl::GetFlag(FLAGS_help)) {
    return std::fputs(kHelp, stdout), 0;
  }
  if (status.ok() && absl::GetFlag(FLAGS_version)) {
    return std::puts("antiphon-inference " ANTIPHON_VERSION), 0;
  }
  if (status.ok()) status = CheckFlags();
  if (status.ok()) {
    std::signal(SIGINT, RequestStop);
    std::signal(SIGTERM, RequestStop);
    status = Serve();
  }
  if (status.ok()) return 0;
  std::fprintf(stderr, "antiphon-inference: %s\n",
               std::string(status.message()).c_str());
  return 2;
}

}  // namespace
}  // namespace antiphon::inference

int main(int argc, char** argv) {
  return antiphon::inference::Main(argc, argv);
}
