// SPDX-License-Identifier: Apache-2.0
//
// Counters, gauges and histograms with Prometheus's meaning, and the page that
// shows them. The one place that knows prometheus-cpp. Handles live as long as
// their Metrics and may be used from any thread but the real-time one (a
// histogram locks).
#ifndef ANTIPHON_COMMON_METRICS_METRICS_H_
#define ANTIPHON_COMMON_METRICS_METRICS_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace antiphon {

using Labels = std::map<std::string, std::string>;

class Counter {
 public:
  virtual ~Counter() = default;
  virtual void Increment(double by = 1) = 0;
  // Raises the counter to `total`, as counted elsewhere; never lowers it.
  virtual void RaiseTo(double total) = 0;
};

class Gauge {
 public:
  virtual ~Gauge() = default;
  virtual void Set(double value) = 0;
};

class Histogram {
 public:
  virtual ~Histogram() = default;
  virtual void Observe(double value) = 0;
};

class Metrics {
 public:
  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // The same name may be asked for with several label values; every series
  // exists, at 0, from then on.
  Counter* AddCounter(const std::string& name, const std::string& help,
                      const Labels& labels = {});
  Gauge* AddGauge(const std::string& name, const std::string& help,
                  const Labels& labels = {});
  Histogram* AddHistogram(const std::string& name, const std::string& help,
                          const std::vector<double>& bounds,
                          const Labels& labels = {});

  // The exposition format, as the page shows it.
  std::string Text() const;

 private:
  friend class Exporter;
  struct Registry;
  const std::unique_ptr<Registry> registry_;
};

// Serves /metrics until it is destroyed.
class Exporter {
 public:
  // "HOST:PORT"; port 0 takes a free one. The error names the address.
  static absl::StatusOr<std::unique_ptr<Exporter>> Create(
      const std::string& address, const Metrics* metrics);
  ~Exporter();

  int port() const;

 private:
  struct Server;
  explicit Exporter(std::unique_ptr<Server> server);
  const std::unique_ptr<Server> server_;
};

}  // namespace antiphon

#endif  // ANTIPHON_COMMON_METRICS_METRICS_H_
