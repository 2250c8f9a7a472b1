// The schema and its migrations. A store knows its version (user_version) and that it is ours
// (application_id).
#pragma once

#include "base/error.h"
#include "store/sqlite/database.h"

namespace onoma::store::sqlite {

// Brings the database to the newest version, each step in a transaction of its own. corrupt: another
// program's database; unsupported: made by a newer version of this program.
Result<void> migrate(Database& database);

}  // namespace onoma::store::sqlite
