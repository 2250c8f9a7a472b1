#include "load/load_options.h"

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include <arpa/inet.h>

namespace onoma::bench {

namespace {

[[noreturn]] void usage(const std::string& problem) {
  std::fprintf(
      stderr,
      "load_gen: %s\n"
      "usage: load_gen ADDRESS:PORT (--queries LABEL=FILE[,OPTION...] | --random "
      "LABEL=SUFFIX[,OPTION...])...\n"
      "       [--rate N | --window N] [--seconds S] [--warmup S] [--once] [--sockets N] [--timeout S]\n"
      "       [--stall-us N] [--seed N] [--transfer ZONE --transfer-at S]\n"
      "       OPTION: weight=N, sources=ADDRESS/PREFIX[:COUNT], burst=N, dnssec\n",
      problem.c_str());
  std::exit(2);  // NOLINT(concurrency-mt-unsafe): one thread
}

template <class Number>
Number number_of(std::string_view text) {
  Number value{};
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (result.ec != std::errc{} || result.ptr != text.data() + text.size())
    usage("\"" + std::string(text) + "\" is not a number");
  return value;
}

sockaddr_in address_of(const std::string& text) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  const auto colon = text.rfind(':');
  if (colon == std::string::npos || inet_pton(AF_INET, text.substr(0, colon).c_str(), &out.sin_addr) != 1)
    usage("\"" + text + "\" is not ADDRESS:PORT of IPv4");
  out.sin_port = htons(number_of<std::uint16_t>(std::string_view(text).substr(colon + 1)));
  return out;
}

Sources sources_of(const std::string& text) {
  const auto slash = text.find('/');
  in_addr address{};
  if (slash == std::string::npos || inet_pton(AF_INET, text.substr(0, slash).c_str(), &address) != 1)
    usage("\"" + text + "\" is not ADDRESS/PREFIX");
  const auto colon = text.find(':', slash);
  const auto bits = number_of<unsigned>(std::string_view(text).substr(slash + 1, colon - slash - 1));
  const auto first = ntohl(address.s_addr);
  if (bits < 8 || bits > 32 || first >> 24 != 127) usage("sources must lie in 127.0.0.0/8");
  const auto size = 1U << (32 - bits);
  if (colon == std::string::npos) return {.first = first, .count = size};
  const auto count = number_of<std::uint32_t>(std::string_view(text).substr(colon + 1));
  if (count == 0 || count > size) usage("a network has no " + std::to_string(count) + " sources");
  return {.first = first, .count = count, .step = size / count};
}

StreamOptions stream_of(std::string_view text, bool random) {
  StreamOptions out;
  const auto sign = text.find('=');
  if (sign == std::string_view::npos || sign == 0) usage("\"" + std::string(text) + "\" is not LABEL=...");
  out.label = text.substr(0, sign);
  text.remove_prefix(sign + 1);
  for (bool first = true; !text.empty(); first = false) {
    const auto comma = text.find(',');
    const auto word = text.substr(0, comma);
    text = comma == std::string_view::npos ? std::string_view{} : text.substr(comma + 1);
    if (first) {
      (random ? out.suffix : out.file) = word;
    } else if (word.starts_with("weight=")) {
      out.weight = number_of<unsigned>(word.substr(7));
    } else if (word.starts_with("burst=") && random) {
      out.burst = number_of<unsigned>(word.substr(6));
    } else if (word.starts_with("sources=")) {
      out.sources = sources_of(std::string(word.substr(8)));
    } else if (word == "dnssec") {
      out.dnssec = true;
    } else {
      usage("unknown option \"" + std::string(word) + "\" of " + out.label);
    }
  }
  if (out.weight == 0 || (out.file.empty() && out.suffix.empty()))
    usage("stream " + out.label + " sends nothing");
  if (out.burst == 0 || out.burst > kBurstMax || out.weight % out.burst != 0)
    usage("a burst has 1 to " + std::to_string(kBurstMax) + " questions, and the weight is a multiple of it");
  return out;
}

}  // namespace

LoadOptions parse_load_options(int argc, char** argv) {
  LoadOptions out;
  for (int i = 1; i < argc; ++i) {
    const std::string_view option = argv[i];
    const auto value = [&]() -> std::string_view {
      if (++i >= argc) usage(std::string(option) + " needs a value");
      return argv[i];
    };
    if (option == "--queries") {
      out.streams.push_back(stream_of(value(), false));
    } else if (option == "--random") {
      out.streams.push_back(stream_of(value(), true));
    } else if (option == "--rate") {
      out.rate = number_of<double>(value());
    } else if (option == "--window") {
      out.window = number_of<std::size_t>(value());
    } else if (option == "--seconds") {
      out.seconds = number_of<double>(value());
    } else if (option == "--warmup") {
      out.warmup = number_of<double>(value());
    } else if (option == "--once") {
      out.once = true;
    } else if (option == "--sockets") {
      out.sockets = number_of<unsigned>(value());
    } else if (option == "--timeout") {
      out.timeout_s = number_of<double>(value());
    } else if (option == "--stall-us") {
      out.stall_us = number_of<double>(value());
    } else if (option == "--seed") {
      out.seed = number_of<std::uint64_t>(value());
    } else if (option == "--transfer") {
      out.transfer = value();
    } else if (option == "--transfer-at") {
      out.transfer_at = number_of<double>(value());
    } else if (out.server_text.empty() && !option.starts_with("--")) {
      out.server_text = option;
      out.server = address_of(out.server_text);
    } else {
      usage("unknown option " + std::string(option));
    }
  }
  if (out.server_text.empty()) usage("no server given");
  if (out.streams.empty()) usage("nothing to ask: give --queries or --random");
  if (out.once && (out.streams.size() != 1 || out.streams[0].file.empty() || out.rate > 0))
    usage("--once takes one --queries and a window");
  if (out.window == 0 || out.window > 65536 || out.sockets == 0 || out.sockets > 64 || out.rate < 0)
    usage("window 1 to 65536, sockets 1 to 64");
  return out;
}

}  // namespace onoma::bench
