#include "wire/dnssec.h"

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "random_data.h"
#include "wire/rdata.h"

namespace onoma::wire {
namespace {

Bytes dnskey(std::string_view text) {
  return parse_rdata(RRType::DNSKEY, text, Name()).value();
}

TEST(KeyTag, Vectors) {
  EXPECT_EQ(key_tag(dnskey(
                "257 3 13 "
                "GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==")),
            55648);
  EXPECT_EQ(key_tag(dnskey("257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=")), 3613);
  EXPECT_EQ(key_tag(dnskey(
                "257 3 17 "
                "jZbZMBImG9dtGWSVEwnv2l32OVKcX7MMJv+83/+A41iaZuO0ajXMcuyJbTr8Ud+kae6UlfqrnsG6tgADIPHxXA==")),
            27215);
  EXPECT_EQ(key_tag(dnskey(
                "256 3 17 "
                "UeO7oE3ih54sThgU1dhmp6J+Y5yTLK5VrwGpq9PZmg0junRdNQ4u3clkcSLXWvzy9duXh3fD9MbXtsQfXSX7eA==")),
            28517);
  EXPECT_EQ(key_tag(dnskey("256 3 5 "
                           "AQOeiiR0GOMYkDshWoSKz9XzfwJr1AYtsmx3TGkJaNXVbfi/"
                           "2pHm822aJ5iI9BMzNXxeYCmZDRD99WYwYqUSdjMmmAphXdvxegXd/"
                           "M5+X7OrzKBaMbCVdFLUUh6DhweJBjEVv5f2wwjM9XzcnOf+EPbtG9DMBmADjFDc2w/rljwvFw==")),
            60485);
  EXPECT_EQ(key_tag(Bytes{}), 0);
  EXPECT_EQ(key_tag(Bytes{1, 0, 3, 1, 9, 0xAB, 0xCD, 0xEF}), 0xABCD);  // algorithm 1: out of the modulus
}

TEST(TypeBitmap, ExampleOfRfc4034) {
  const RRType types[] = {RRType::A, RRType::MX, RRType::RRSIG, RRType::NSEC, RRType{1234}};
  const Bytes map = type_bitmap(types);
  EXPECT_EQ(hex(map), "0006400100000003041b" + std::string(52, '0') + "20");
  EXPECT_EQ(read_type_bitmap(map).value(), std::vector<RRType>(std::begin(types), std::end(types)));
  const Name next = *Name::parse("host.example.com.");
  EXPECT_EQ(hex(nsec_rdata(next, types)), hex(next.wire()) + hex(map));
}

TEST(TypeBitmap, RefusesOtherForms) {
  for (const Bytes& bad : {Bytes{0}, Bytes{0, 0}, Bytes{0, 2, 0x40}, Bytes{0, 1, 0}, Bytes{0, 1, 1, 0, 1, 1},
                           Bytes{1, 1, 1, 0, 1, 1}})
    EXPECT_FALSE(read_type_bitmap(bad).has_value()) << hex(bad);
  Bytes long_window(35, 1);
  long_window[0] = 0, long_window[1] = 33;
  EXPECT_FALSE(read_type_bitmap(long_window).has_value());
  EXPECT_TRUE(read_type_bitmap({})->empty());
}

TEST(Rrsig, ReadsAndWrites) {
  const Bytes rdata =
      parse_rdata(RRType::RRSIG, "A 5 3 86400 20030322173103 20030220173103 2642 Example.com. oJB1", Name())
          .value();
  auto rrsig = Rrsig::read(rdata);
  ASSERT_TRUE(rrsig.has_value());
  EXPECT_EQ(rrsig->covered, RRType::A);
  EXPECT_EQ(rrsig->labels, 3);
  EXPECT_EQ(rrsig->original_ttl, 86400U);
  EXPECT_EQ(rrsig->key_tag, 2642);
  EXPECT_EQ(rrsig->signer.text(), "Example.com.");
  EXPECT_EQ(rrsig->signature.size(), 3U);
  EXPECT_EQ(rrsig->rdata(), rdata);
  const Bytes head = rrsig->rdata_without_signature();
  EXPECT_EQ(head.size(), rdata.size() - 3);
  EXPECT_EQ(Name::from_wire(ByteView(head).subspan(18))->text(), "example.com.");
  EXPECT_FALSE(Rrsig::read(ByteView(rdata).first(19)).has_value());
  EXPECT_EQ(rrsig_labels(*Name::parse("*.example.")), 1);
  EXPECT_EQ(rrsig_labels(*Name::parse("a.example.")), 2);
  EXPECT_EQ(rrsig_labels(Name()), 0);
}

TEST(SignatureInput, IsHeadThenCanonicalRecordsInOrder) {
  Rrsig rrsig;
  rrsig.covered = RRType::NS;
  rrsig.original_ttl = 3600;
  rrsig.signer = *Name::parse("Example.");
  RRset set;
  set.owner = *Name::parse("EXAMPLE.");
  set.type = RRType::NS;
  set.ttl = 60;  // what a cache left over: the original TTL counts
  for (const char* text : {"B.", "a.", "b."})
    set.rdatas.push_back(parse_rdata(RRType::NS, text, Name()).value());
  const std::string owner = hex(Name::parse("example.")->wire());
  EXPECT_EQ(hex(signature_input(rrsig, set)), hex(rrsig.rdata_without_signature()) + owner +
                                                  "0002000100000e100003016100" + owner +
                                                  "0002000100000e100003016200");
}

TEST(Nsec3, ReadsAndWrites) {
  const Bytes rdata =
      parse_rdata(RRType::NSEC3, "1 1 12 aabbccdd 2t7b4g4vsa5smi47k61mv5bv1a22bojr NS SOA TYPE65400", Name())
          .value();
  auto nsec3 = Nsec3::read(rdata);
  ASSERT_TRUE(nsec3.has_value());
  EXPECT_EQ(nsec3->flags, 1);
  EXPECT_EQ(nsec3->iterations, 12);
  EXPECT_EQ(hex(nsec3->salt), "aabbccdd");
  EXPECT_EQ(nsec3->next_hash.size(), 20U);
  EXPECT_EQ(nsec3->types, (std::vector<RRType>{RRType::NS, RRType::SOA, RRType{65400}}));
  EXPECT_EQ(nsec3->rdata(), rdata);
  auto param = Nsec3param::read(Bytes{1, 0, 0, 12, 2, 0xAA, 0xBB});
  ASSERT_TRUE(param.has_value());
  EXPECT_EQ(param->rdata(), (Bytes{1, 0, 0, 12, 2, 0xAA, 0xBB}));
  EXPECT_FALSE(Nsec3param::read(Bytes{1, 0, 0, 12, 3, 0xAA, 0xBB}).has_value());
}

TEST(DnssecData, ReadersAndWritersAgreeOnRandomData) {
  RandomData random(20);
  for (int i = 0; i < 200; ++i) {
    const Bytes rrsig = random.rdata(RRType::RRSIG), key = random.rdata(RRType::DNSKEY),
                nsec3 = random.rdata(RRType::NSEC3), param = random.rdata(RRType::NSEC3PARAM);
    EXPECT_EQ(Rrsig::read(rrsig)->rdata(), rrsig);
    EXPECT_EQ(Dnskey::read(key)->rdata(), key);
    EXPECT_EQ(Nsec3::read(nsec3)->rdata(), nsec3);
    EXPECT_EQ(Nsec3param::read(param)->rdata(), param);
  }
}

}  // namespace
}  // namespace onoma::wire
