// The store itself: opening, the pool of reading connections, and bringing the log into the database file.
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <thread>

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/guarded.h"
#include "base/log.h"
#include "os/thread.h"
#include "store/sqlite/schema.h"
#include "store/sqlite/writer.h"

namespace onoma::store {
namespace sqlite {
namespace {

// Pages in the log from which the background thread starts to bring it in, and from which the writer itself
// does, so that the log cannot grow without end while writes never pause. 8 MiB and 256 MiB.
constexpr int kPagesBackground = 1'024;
constexpr int kPagesWriter = 32'768;

// Keeps other processes out; released by the system when the process ends, however it ends.
class FileLock {
 public:
  static Result<FileLock> take(const std::string& path) {
    FileLock lock;
    lock.fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock.fd_ < 0)
      return fail(Code::io, fmt::format("{} cannot be opened: {}", path, std::strerror(errno)));
    if (::flock(lock.fd_, LOCK_EX | LOCK_NB) != 0)
      return fail(Code::unavailable, fmt::format("{} is locked: another process is using this store", path));
    return lock;
  }
  FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  ~FileLock() {
    if (fd_ >= 0) ::close(fd_);
  }

 private:
  FileLock() = default;
  int fd_ = -1;
};

// The reading connections. Shared with the readers, which may outlive the store.
struct Pool {
  std::vector<std::unique_ptr<Database>> idle;
  std::size_t out = 0;
  bool closed = false;
};
using SharedPool = std::shared_ptr<Guarded<Pool>>;
constexpr std::size_t kIdleReaders = 16;

void give_back(const SharedPool& shared, std::unique_ptr<Database> database) {
  shared->with([&](Pool& pool) {
    --pool.out;
    if (database && !pool.closed && pool.idle.size() < kIdleReaders) pool.idle.push_back(std::move(database));
  });
}

class SqliteStore final : public Store {
 public:
  SqliteStore(Options options, FileLock lock, std::unique_ptr<Database> writer,
              std::unique_ptr<Database> checkpointer)
      : options_(std::move(options)),
        lock_(std::move(lock)),
        writer_(std::move(writer)),
        checkpointer_(std::move(checkpointer)) {
    sqlite3_wal_hook(
        writer_->handle(),
        [](void* self, sqlite3*, const char*, int pages) {
          static_cast<SqliteStore*>(self)->log_pages_ = pages;
          return SQLITE_OK;
        },
        this);
    thread_ = os::start_thread({"checkpoint", -1, 5}, [this] { bring_in_log(); });
  }

  ~SqliteStore() override {
    {
      std::scoped_lock lock(mutex_);
      stop_ = true;
    }
    wake_.notify_one();
    thread_.join();
    pool_->with([](Pool& pool) {
      pool.idle.clear();
      pool.closed = true;
    });
    if (auto done = writer_->execute("UPDATE meta SET value = 0 WHERE name = 'in_use'"); !done)
      log::error("store", done.error().message);
    // A reader that outlives us would make this wait; then the log stays for the next start.
    sqlite3_busy_timeout(writer_->handle(), 0);
    sqlite3_wal_checkpoint_v2(writer_->handle(), nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
  }

  Result<std::unique_ptr<Reader>> open_reader() override;

  Result<std::unique_ptr<WriteTransaction>> begin() override {
    auto transaction = std::make_unique<SqliteWrite>(*writer_, [this] { after_commit(); });
    ONOMA_TRY_VOID(transaction->begin());
    return transaction;
  }

  void when_idle() override {
    if (log_pages_ == 0) return;
    std::unique_lock lock(mutex_, std::try_to_lock);
    if (!lock) return;  // the background thread is at it
    // Truncating waits for readers of the old log; without waiting it is tried again the next time.
    sqlite3_busy_timeout(writer_->handle(), 0);
    if (sqlite3_wal_checkpoint_v2(writer_->handle(), nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr) ==
        SQLITE_OK)
      log_pages_ = 0;
    sqlite3_busy_timeout(writer_->handle(), 5'000);
  }

 private:
  void after_commit() {
    if (log_pages_ >= kPagesWriter) {
      sqlite3_wal_checkpoint_v2(writer_->handle(), nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
    } else if (log_pages_ >= kPagesBackground) {
      wake_.notify_one();
    }
  }

  void bring_in_log() {
    std::unique_lock lock(mutex_);
    while (!stop_) {
      wake_.wait(lock);
      if (stop_) return;
      int result = sqlite3_wal_checkpoint_v2(checkpointer_->handle(), nullptr, SQLITE_CHECKPOINT_PASSIVE,
                                             nullptr, nullptr);
      if (result != SQLITE_OK && result != SQLITE_BUSY)
        log::warning("store", checkpointer_->error(result, "bringing in the log").message);
    }
  }

  Options options_;
  FileLock lock_;
  std::unique_ptr<Database> writer_, checkpointer_;
  int log_pages_ = 0;  // writing thread only
  SharedPool pool_ = std::make_shared<Guarded<Pool>>();
  std::mutex mutex_;  // held while a checkpoint runs
  std::condition_variable wake_;
  bool stop_ = false;
  std::thread thread_;
};

// Holds a connection of the pool and its read transaction.
class PooledReader final : public SqliteReader {
 public:
  PooledReader(SharedPool pool, std::unique_ptr<Database> database)
      : SqliteReader(*database), pool_(std::move(pool)), database_(std::move(database)) {}
  ~PooledReader() override {
    end_snapshot();
    if (database_->in_transaction()) database_.reset();
    give_back(pool_, std::move(database_));
  }

 private:
  SharedPool pool_;
  std::unique_ptr<Database> database_;
};

Result<std::unique_ptr<Reader>> SqliteStore::open_reader() {
  std::unique_ptr<Database> database;
  bool permitted = pool_->with([&](Pool& pool) {
    if (pool.out >= options_.max_readers) return false;
    ++pool.out;
    if (!pool.idle.empty()) {
      database = std::move(pool.idle.back());
      pool.idle.pop_back();
    }
    return true;
  });
  if (!permitted)
    return fail(Code::unavailable,
                fmt::format("{} readers are open already; try again", options_.max_readers));
  if (!database) {
    auto opened = Database::open(options_.path, Mode::read);
    if (!opened) {
      give_back(pool_, nullptr);
      return std::unexpected(std::move(opened).error());
    }
    database = *std::move(opened);
  }
  auto reader = std::make_unique<PooledReader>(pool_, std::move(database));
  ONOMA_TRY_VOID(reader->begin_snapshot());
  return reader;
}

Result<void> check_after_unclean_stop(Database& database, const std::string& path) {
  ONOMA_TRY(auto in_use, database.ask("SELECT value FROM meta WHERE name = 'in_use'"));
  if (in_use == "1") {
    log::warning("store", fmt::format("{} was not closed; checking it", path));
    ONOMA_TRY(auto found, database.ask("PRAGMA quick_check(1)"));
    if (found != "ok")
      return fail(Code::corrupt, fmt::format("{} is damaged: {}. Restore it from a backup.", path, found));
  }
  return database.execute("UPDATE meta SET value = 1 WHERE name = 'in_use'");
}

}  // namespace
}  // namespace sqlite

Result<std::unique_ptr<Store>> open_sqlite(const Options& options) {
  using namespace sqlite;
  std::error_code error;
  if (auto folder = std::filesystem::path(options.path).parent_path(); !folder.empty())
    std::filesystem::create_directories(folder, error);
  if (error)
    return fail(Code::io, fmt::format("the folder of {} cannot be made: {}", options.path, error.message()));
  ONOMA_TRY(auto lock, FileLock::take(options.path + ".lock"));
  // The keys of sealed contacts are inside: made before SQLite does, for its owner only; the log takes the
  // same mode.
  if (int fd = ::open(options.path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600); fd >= 0) ::close(fd);
  ONOMA_TRY(auto writer, Database::open(options.path, Mode::write));
  ONOMA_TRY_VOID(migrate(*writer));
  ONOMA_TRY_VOID(check_after_unclean_stop(*writer, options.path));
  if (options.max_pages)
    ONOMA_TRY_VOID(writer->execute(fmt::format("PRAGMA max_page_count={}", options.max_pages).c_str()));
  ONOMA_TRY(auto checkpointer, Database::open(options.path, Mode::write));
  return std::make_unique<SqliteStore>(options, std::move(lock), std::move(writer), std::move(checkpointer));
}

}  // namespace onoma::store
