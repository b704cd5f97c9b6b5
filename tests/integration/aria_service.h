// SPDX-License-Identifier: Apache-2.0
//
// For tests: the real antiphon-inference as a process that serves a random
// checkpoint, the real antiphon-model beside it, one musician on the wire, and
// the jobs that the edge makes of a MIDI file. Everything ends by itself.
#ifndef ANTIPHON_TESTS_INTEGRATION_ARIA_SERVICE_H_
#define ANTIPHON_TESTS_INTEGRATION_ARIA_SERVICE_H_

#include <grpcpp/grpcpp.h>
#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "antiphon/v1/accompanist.grpc.pb.h"
#include "common/time/mono_time.h"

namespace antiphon {

// What `antiphon-model ARGUMENTS` prints; fails the test where it fails.
std::string RunModelTool(const std::string& arguments);

// Serves what `antiphon-model init` makes of this until it is destroyed.
class AriaService {
 public:
  AriaService(const std::string& size, int seed,
              const std::string& vocabulary = "default");
  // Serves a checkpoint that is there.
  explicit AriaService(const std::string& checkpoint);
  ~AriaService();

  const std::string& checkpoint() const { return checkpoint_; }
  int port() const { return port_; }

 private:
  void Start(const std::string& log);

  std::string checkpoint_;
  pid_t child_ = -1;
  int port_ = 0;
};

class Musician {
 public:
  struct Answer {
    v1::BarChunk whole;  // all chunks as one
    MonoTime sent, first, done;
  };

  explicit Musician(int port);
  ~Musician();

  // Sends a job and reads up to its end.
  Answer Ask(const v1::GenerationJob& job);

 private:
  v1::ServiceMessage Read();

  grpc::ClientContext context_;
  std::unique_ptr<v1::Accompanist::Stub> stub_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::EdgeMessage, v1::ServiceMessage>>
      stream_;
};

// The jobs that the edge's conductor sends while examples/NAME is played at its
// own or another tempo, one a bar, in virtual time and in the edge's own words.
// Greedy.
std::vector<v1::GenerationJob> JobsOfExample(
    const std::string& name, std::optional<double> tempo = std::nullopt);

}  // namespace antiphon

#endif  // ANTIPHON_TESTS_INTEGRATION_ARIA_SERVICE_H_
