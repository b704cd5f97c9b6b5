// SPDX-License-Identifier: Apache-2.0
#include "inference/service/test_client.h"

#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>

#include <chrono>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace antiphon::inference {
namespace {

std::chrono::system_clock::time_point Limit() {
  return std::chrono::system_clock::now() + std::chrono::seconds(10);
}

std::shared_ptr<grpc::Channel> ChannelTo(int port) {
  grpc::ChannelArguments args;
  args.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(absl::StrCat("127.0.0.1:", port),
                                   grpc::InsecureChannelCredentials(), args);
}

}  // namespace

TestClient::TestClient(int port)
    : channel_(ChannelTo(port)), stub_(v1::Accompanist::NewStub(channel_)) {
  context_.set_deadline(Limit());
  stream_ = stub_->Accompany(&context_);
}

TestClient::~TestClient() {
  if (finished_) return;
  context_.TryCancel();
  Finish();
}

bool TestClient::Open(const std::string& session_id, v1::Welcome* welcome) {
  SendHello(session_id, 1, "");
  const v1::ServiceMessage message = Read();
  if (welcome != nullptr) *welcome = message.welcome();
  return message.has_welcome();
}

void TestClient::SendHello(const std::string& session_id, uint32_t version,
                           const std::string& model) {
  v1::EdgeMessage message;
  v1::Hello& hello = *message.mutable_hello();
  hello.set_protocol_version(version);
  hello.set_session_id(session_id);
  hello.set_model(model);
  hello.set_client("test \n1");
  Send(message);
}

void TestClient::SendJob(const v1::GenerationJob& job) {
  v1::EdgeMessage message;
  *message.mutable_job() = job;
  Send(message);
}

void TestClient::SendPing(uint64_t id) {
  v1::EdgeMessage message;
  message.mutable_ping()->set_id(id);
  Send(message);
}

v1::ServiceMessage TestClient::Read() {
  v1::ServiceMessage message;
  if (!stream_->Read(&message)) message.Clear();
  return message;
}

v1::BarChunk TestClient::ReadAnswer(uint64_t job_id) {
  v1::BarChunk answer;
  while (!answer.done()) {
    const v1::ServiceMessage message = Read();
    if (!message.has_bar_chunk() || message.bar_chunk().job_id() != job_id) {
      ADD_FAILURE() << "job " << job_id << ": " << message.ShortDebugString();
      break;
    }
    answer.MergeFrom(message.bar_chunk());
  }
  return answer;
}

grpc::Status TestClient::Finish() {
  finished_ = true;
  v1::ServiceMessage ignored;
  while (stream_->Read(&ignored)) {
  }
  return stream_->Finish();
}

int HealthOf(int port, const std::string& service) {
  grpc::GenericStub stub(ChannelTo(port));
  grpc::ClientContext context;
  context.set_deadline(Limit());
  // HealthCheckRequest{service = 1}, HealthCheckResponse{status = 1}.
  const grpc::Slice slice(std::string("\x0a") +
                          static_cast<char>(service.size()) + service);
  const grpc::ByteBuffer request(&slice, 1);
  grpc::ByteBuffer response;
  grpc::Status status;
  grpc::CompletionQueue queue;
  auto call = stub.PrepareUnaryCall(&context, "/grpc.health.v1.Health/Check",
                                    request, &queue);
  call->StartCall();
  call->Finish(&response, &status, &queue);
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);
  std::vector<grpc::Slice> slices;
  if (!status.ok() || !response.Dump(&slices).ok() || slices.empty() ||
      slices[0].size() != 2) {
    return -1;
  }
  return slices[0].begin()[1];
}

JobEnd HeldAnswerer::Answer(const Job&, AnswerSink& sink) {
  std::unique_lock lock(mutex_);
  busy_ = true;
  changed_.notify_all();
  while (!free_ && !sink.cancelled()) {
    changed_.wait_for(lock, std::chrono::milliseconds(1));
  }
  busy_ = false;
  if (sink.cancelled()) return {.reason = EndReason::kCancelled};
  return {.reason = EndReason::kComplete};
}

void HeldAnswerer::AwaitJob() {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, std::chrono::seconds(10), [this] { return busy_; });
}

void HeldAnswerer::LetGo() {
  const std::lock_guard lock(mutex_);
  free_ = true;
  changed_.notify_all();
}

}  // namespace antiphon::inference
