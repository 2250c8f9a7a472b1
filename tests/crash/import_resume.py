#!/usr/bin/env python3
"""kill -9 in the middle of the import of the real .gov zone, several times; the import is repeated with --resume. In the
end the zone is what it would be without the kills, and the gate accepts it.

Arguments: KILLS [SEED].
"""
import os
import random
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from support import zones  # noqa: E402
from support.lab import Checks, Lab, program  # noqa: E402
from support.servers import Serve  # noqa: E402

KILLS = int(sys.argv[1]) if len(sys.argv) > 1 else 3
SEED = int(sys.argv[2]) if len(sys.argv) > 2 else random.SystemRandom().randrange(1 << 30)
chance = random.Random(SEED)
checks = Checks()
with Lab() as lab:
    print(f"{KILLS} kills, seed {SEED}")
    gov = zones.unpack("zones/gov-2026-08-22.zone.xz", lab.folder / "gov.zone")
    serve = Serve(lab).start()
    killed = 0
    for number in range(KILLS):
        more = ["--resume"] if number else ["--opt-out"]
        importer = lab.start(f"import-{number}", [program(), "zone", "import", gov, "--zone", "gov", "--data", serve.data, *more])
        time.sleep(chance.choice((0.05, 0.2, 0.4, 0.8)) * (0.5 + chance.random()))
        running = importer.running()
        serve.process.kill()
        try:
            status = importer.child.wait(60)
        except subprocess.TimeoutExpired:
            checks.that(False, "the import notices that its server is gone")
            break
        killed += running
        checks.that(status == 4 if running else status in (0, 4), "an import whose server dies ends with status 4",
                    (status, importer.errors()))
        serve.start()
    status, out, err = serve.onoma("zone", "import", gov, "--zone", "gov", "--resume", timeout_s=300)
    checks.equal(status, 0, f"the last import succeeds: {(out + err) if status else ''}")
    serve.settle("gov")
    exported = lab.folder / "export.zone"
    status, out, err = serve.onoma("zone", "export", "gov", "--output", exported)
    checks.equal(status, 0, f"export: {out}{err}")
    got, expected = zones.content(exported), zones.content(gov)
    checks.that(got == expected, "the zone is the file's", sorted(got ^ expected)[:5])
    status, out, err = lab.run([program(), "zone", "verify", exported, "--zone", "gov"])
    checks.equal(status, 0, f"the gate accepts it: {(out + err)[-500:] if status else ''}")
    print(f"{killed} imports were cut off")
    checks.equal(serve.stop(), 0, "SIGTERM ends it with status 0")
sys.exit(checks.finish())
