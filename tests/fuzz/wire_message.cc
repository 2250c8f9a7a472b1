// Whole messages and requests; what reads as a message is written again and must read the same.
#include <cstdlib>

#include "wire/message_reader.h"
#include "wire/rdata.h"

using namespace onoma;
using namespace onoma::wire;

namespace {

void demand(bool holds) {
  if (!holds) std::abort();
}

void demand_same(const std::vector<Record>& a, const std::vector<Record>& b) {
  demand(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    demand(onoma::equal(a[i].owner.wire(), b[i].owner.wire()));
    demand(a[i].type == b[i].type && a[i].rr_class == b[i].rr_class && a[i].ttl == b[i].ttl &&
           a[i].rdata == b[i].rdata);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input(data, size);
  Query query;
  if (!read_query(input, query)) demand(query.has_question && query.question_end <= size);
  if (query.has_question) demand(Name::from_wire(query.qname().wire()).has_value());

  auto message = read_message(input);
  if (!message) return 0;
  Bytes out(65535);
  Writer writer(out, out.size());
  writer.set_header(message->header.id, message->header.flags);
  for (const Question& question : message->questions)
    if (!writer.add_question(question.name, question.type, question.rr_class)) return 0;
  const std::pair<Writer::Section, const std::vector<Record>*> sections[] = {
      {Writer::Section::answer, &message->answers},
      {Writer::Section::authority, &message->authority},
      {Writer::Section::additional, &message->additional}};
  for (const auto& [section, records] : sections)
    for (const Record& r : *records)
      if (!writer.add_record(section, r.owner, r.type, r.rr_class, r.ttl, r.rdata))
        return 0;  // grew beyond 65,535
  auto again = read_message(writer.finish());
  demand(again.has_value());
  demand_same(message->answers, again->answers);
  demand_same(message->authority, again->authority);
  demand_same(message->additional, again->additional);
  return 0;
}
