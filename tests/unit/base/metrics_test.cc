#include "base/metrics.h"

#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace onoma {
namespace {

TEST(Metrics, AddAndSet) {
  const auto before = read(Metric::onoma_events_total);
  add(Metric::onoma_events_total);
  add(Metric::onoma_events_total, 41);
  EXPECT_EQ(read(Metric::onoma_events_total), before + 42);
  set(Metric::onoma_publish_last_us, 7);
  set(Metric::onoma_publish_last_us, 5);
  EXPECT_EQ(read(Metric::onoma_publish_last_us), 5U);
}

TEST(Metrics, NothingIsLostUnderContention) {
  const auto before = read(Metric::onoma_dns_queries_total);
  {
    std::vector<std::jthread> threads;
    for (int n = 0; n < 4; ++n)
      threads.emplace_back([] {
        for (int i = 0; i < 1000; ++i) add(Metric::onoma_dns_queries_total);
      });
  }
  EXPECT_EQ(read(Metric::onoma_dns_queries_total), before + 4000);
}

// Prometheus' text format: HELP, TYPE and sample of one metric follow each other, names are unique, counters
// end in _total.
TEST(Metrics, TextIsThePrometheusFormat) {
  add(Metric::onoma_http_errors_total, 3);
  std::istringstream lines(metrics_text());
  std::set<std::string> names;
  std::string help, type, sample;
  std::smatch m;
  while (std::getline(lines, help)) {
    ASSERT_TRUE(std::getline(lines, type) && std::getline(lines, sample));
    ASSERT_TRUE(std::regex_match(help, m, std::regex("# HELP ([a-z][a-z0-9_]*) [^\\\\]+"))) << help;
    const std::string name = m[1];
    EXPECT_TRUE(names.insert(name).second) << name;
    ASSERT_TRUE(std::regex_match(type, m, std::regex("# TYPE " + name + " (counter|gauge)"))) << type;
    EXPECT_EQ(m[1] == "counter", name.ends_with("_total")) << name;
    EXPECT_TRUE(std::regex_match(sample, std::regex(name + " [0-9]+"))) << sample;
  }
  EXPECT_GE(names.size(), 14U);
  EXPECT_NE(metrics_text().find("\nonoma_http_errors_total " +
                                std::to_string(read(Metric::onoma_http_errors_total)) + "\n"),
            std::string::npos);
  EXPECT_EQ(metrics_text().back(), '\n');
}

}  // namespace
}  // namespace onoma
