// What the environment tells a test: settings of its own, and where real data lie.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>

namespace onoma::test {

inline std::optional<std::string> environment(const char* variable) {
  const char* value = std::getenv(variable);  // NOLINT(concurrency-mt-unsafe): nobody sets variables
  return value != nullptr ? std::optional<std::string>(value) : std::nullopt;
}

// Where `path` of the shared data lies, whether or not it is there: in the folder that ONOMA_SHARED_DATA
// names, else beside the sources.
inline std::filesystem::path shared_data(const std::filesystem::path& path = {}) {
  if (const auto set = environment("ONOMA_SHARED_DATA")) return std::filesystem::path(*set) / path;
  return std::filesystem::path(environment("ONOMA_SOURCE_DIR").value_or(".")) / ".." / "shared" / "data" /
         path;
}

}  // namespace onoma::test
