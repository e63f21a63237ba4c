#pragma once

// Entries from the rows of a query to PostgreSQL, in bounded memory however many there are.
//
// With `orderBy`, a unique column, the rows are read in pages, each one a short transaction that is
// drained at once: the database is not kept waiting by a slow warming, a lost connection is taken
// up after the last row, and so is a run (Keyset). Without it there is one query, which the warming
// may hold open as long as it lasts, and which starts over (Unstable). Every transaction is read
// only; statement_timeout bounds a page, or how long the one query may be silent.
//
// Thread safety: one loop.

#include <memory>
#include <string>
#include <vector>

#include "controller/api/types.h"
#include "controller/warming/materials/materials.h"
#include "controller/warming/source/source.h"

namespace stoker::warming {

// kInvalid and kNotFound name the field. `columns`: of the query's, what URL templates use.
Result<std::unique_ptr<Source>> MakeSqlSource(const api::SqlSource& spec,
                                              const std::vector<std::string>& columns,
                                              const Materials& materials, const SourceHost& host);

}  // namespace stoker::warming
