// SPDX-License-Identifier: Apache-2.0
#include "common/metrics/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/exposer.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <exception>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"

namespace antiphon {
namespace {

class PrometheusCounter : public Counter {
 public:
  explicit PrometheusCounter(prometheus::Counter* counter)
      : counter_(counter) {}
  void Increment(double by) override { counter_->Increment(by); }
  void RaiseTo(double total) override {
    if (total > counter_->Value())
      counter_->Increment(total - counter_->Value());
  }

 private:
  prometheus::Counter* const counter_;
};

class PrometheusGauge : public Gauge {
 public:
  explicit PrometheusGauge(prometheus::Gauge* gauge) : gauge_(gauge) {}
  void Set(double value) override { gauge_->Set(value); }

 private:
  prometheus::Gauge* const gauge_;
};

class PrometheusHistogram : public Histogram {
 public:
  explicit PrometheusHistogram(prometheus::Histogram* histogram)
      : histogram_(histogram) {}
  void Observe(double value) override { histogram_->Observe(value); }

 private:
  prometheus::Histogram* const histogram_;
};

}  // namespace

struct Metrics::Registry {
  const std::shared_ptr<prometheus::Registry> registry =
      std::make_shared<prometheus::Registry>(
          prometheus::Registry::InsertBehavior::Merge);
  std::vector<std::unique_ptr<Counter>> counters;
  std::vector<std::unique_ptr<Gauge>> gauges;
  std::vector<std::unique_ptr<Histogram>> histograms;
};

Metrics::Metrics() : registry_(std::make_unique<Registry>()) {}
Metrics::~Metrics() = default;

Counter* Metrics::AddCounter(const std::string& name, const std::string& help,
                             const Labels& labels) {
  auto& family = prometheus::BuildCounter().Name(name).Help(help).Register(
      *registry_->registry);
  registry_->counters.push_back(
      std::make_unique<PrometheusCounter>(&family.Add(labels)));
  return registry_->counters.back().get();
}

Gauge* Metrics::AddGauge(const std::string& name, const std::string& help,
                         const Labels& labels) {
  auto& family = prometheus::BuildGauge().Name(name).Help(help).Register(
      *registry_->registry);
  registry_->gauges.push_back(
      std::make_unique<PrometheusGauge>(&family.Add(labels)));
  return registry_->gauges.back().get();
}

Histogram* Metrics::AddHistogram(const std::string& name,
                                 const std::string& help,
                                 const std::vector<double>& bounds,
                                 const Labels& labels) {
  auto& family = prometheus::BuildHistogram().Name(name).Help(help).Register(
      *registry_->registry);
  registry_->histograms.push_back(
      std::make_unique<PrometheusHistogram>(&family.Add(labels, bounds)));
  return registry_->histograms.back().get();
}

std::string Metrics::Text() const {
  return prometheus::TextSerializer().Serialize(registry_->registry->Collect());
}

struct Exporter::Server {
  explicit Server(const std::string& address) : exposer(address, 1) {}
  prometheus::Exposer exposer;
};

absl::StatusOr<std::unique_ptr<Exporter>> Exporter::Create(
    const std::string& address, const Metrics* metrics) {
  try {
    auto server = std::make_unique<Server>(address);
    server->exposer.RegisterCollectable(metrics->registry_->registry);
    return absl::WrapUnique(new Exporter(std::move(server)));
  } catch (const std::exception&) {
    return absl::UnavailableError(
        absl::StrCat("cannot serve metrics on ", address,
                     ": is the address in use? Choose another with --metrics"));
  }
}

Exporter::Exporter(std::unique_ptr<Server> server)
    : server_(std::move(server)) {}
Exporter::~Exporter() = default;

int Exporter::port() const {
  return server_->exposer.GetListeningPorts().front();
}

}  // namespace antiphon
