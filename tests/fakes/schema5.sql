PRAGMA application_id = 1684499809;
PRAGMA user_version = 5;
BEGIN TRANSACTION;
CREATE TABLE agents (
        number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, generation INTEGER NOT NULL, step INTEGER NOT NULL UNIQUE,
        created_at REAL NOT NULL, commit_id TEXT NOT NULL, code_hash TEXT NOT NULL) STRICT;
INSERT INTO "agents" VALUES(1,'fd224d36c1fc',0,0,1800000001.0,'2a924b95257b6e98816cf5e4114daa277f3e4f1d','cd2540c90b468d89ca85250913ca7c02c72a9174a759b3e2ccb5bb7e9cfcc839');
CREATE TABLE attempts (
        decision INTEGER NOT NULL REFERENCES decisions (number), number INTEGER NOT NULL, at REAL NOT NULL,
        PRIMARY KEY (decision, number)) STRICT;
INSERT INTO "attempts" VALUES(1,1,1800000004.0);
INSERT INTO "attempts" VALUES(2,1,1800000011.0);
INSERT INTO "attempts" VALUES(3,1,1800000016.0);
CREATE TABLE cached (
        session TEXT NOT NULL, number INTEGER NOT NULL, read_tokens INTEGER NOT NULL CHECK (read_tokens >= 0),
        written_tokens INTEGER NOT NULL CHECK (written_tokens >= 0), PRIMARY KEY (session, number),
        FOREIGN KEY (session, number) REFERENCES settlements (session, number)) STRICT;
INSERT INTO "cached" VALUES('00002.1.agent',1,200,50);
CREATE TABLE conflicts (
        step INTEGER NOT NULL REFERENCES steps (number), position INTEGER NOT NULL, path TEXT NOT NULL,
        PRIMARY KEY (step, position)) STRICT;
CREATE TABLE decisions (
        number INTEGER PRIMARY KEY, kind TEXT NOT NULL CHECK (kind IN ('expand', 'evaluate')),
        agent TEXT NOT NULL REFERENCES agents (id), step INTEGER, task TEXT, trial INTEGER, at REAL NOT NULL) STRICT;
INSERT INTO "decisions" VALUES(1,'expand','fd224d36c1fc',1,NULL,NULL,1800000003.0);
INSERT INTO "decisions" VALUES(2,'evaluate','fd224d36c1fc',NULL,'anagram',0,1800000010.0);
INSERT INTO "decisions" VALUES(3,'evaluate','fd224d36c1fc',NULL,'bowling',0,1800000015.0);
CREATE TABLE ends (number INTEGER PRIMARY KEY, at REAL NOT NULL, reason TEXT NOT NULL) STRICT;
CREATE TABLE evaluations (
        number INTEGER PRIMARY KEY, decision INTEGER NOT NULL UNIQUE REFERENCES decisions (number),
        agent TEXT NOT NULL REFERENCES agents (id), task TEXT NOT NULL, trial INTEGER NOT NULL, verdict TEXT NOT NULL,
        summary TEXT NOT NULL, seconds REAL NOT NULL, session TEXT NOT NULL, patch TEXT NOT NULL,
        dropped_paths TEXT NOT NULL, at REAL NOT NULL, calls INTEGER NOT NULL, input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, nanos INTEGER NOT NULL, UNIQUE (agent, task, trial)) STRICT;
INSERT INTO "evaluations" VALUES(1,2,'fd224d36c1fc','anagram',0,'resolved','3 of 5 tests passed',1.25,'anagram.agent','+ line
','["conftest.py"]',1800000014.0,1,7,3,125);
CREATE TABLE evidence (step INTEGER NOT NULL PRIMARY KEY REFERENCES steps (number), kind TEXT NOT NULL) STRICT;
CREATE TABLE faults (
        number INTEGER PRIMARY KEY, decision INTEGER NOT NULL REFERENCES decisions (number), message TEXT NOT NULL,
        at REAL NOT NULL) STRICT;
CREATE TABLE flags (
        evaluation INTEGER NOT NULL REFERENCES evaluations (number), position INTEGER NOT NULL, flag TEXT NOT NULL,
        PRIMARY KEY (evaluation, position)) STRICT;
INSERT INTO "flags" VALUES(1,0,'It ended early.');
CREATE TABLE held_out (task TEXT NOT NULL PRIMARY KEY) STRICT;
CREATE TABLE images (name TEXT NOT NULL PRIMARY KEY, digest TEXT NOT NULL) STRICT;
INSERT INTO "images" VALUES('python','sha256:0000000000000000000000000000000000000000000000000000000000000000');
CREATE TABLE judgements (
        step INTEGER NOT NULL PRIMARY KEY REFERENCES steps (number), is_new INTEGER NOT NULL CHECK (is_new IN (0, 1)),
        reason TEXT NOT NULL) STRICT;
CREATE TABLE parents (
        agent TEXT NOT NULL REFERENCES agents (id), position INTEGER NOT NULL,
        parent TEXT NOT NULL REFERENCES agents (id), PRIMARY KEY (agent, position)) STRICT;
CREATE TABLE partners (
        decision INTEGER NOT NULL PRIMARY KEY REFERENCES decisions (number), editor TEXT REFERENCES agents (id),
        partner TEXT REFERENCES agents (id)) STRICT;
CREATE TABLE reservations (
        session TEXT NOT NULL, number INTEGER NOT NULL, at REAL NOT NULL, calls INTEGER NOT NULL, input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, nanos INTEGER NOT NULL, PRIMARY KEY (session, number)) STRICT;
INSERT INTO "reservations" VALUES('00001.1.diagnose',1,1800000005.0,1,1000,500,750000000);
INSERT INTO "reservations" VALUES('00001.1.improve',1,1800000007.0,1,1000,500,750000000);
INSERT INTO "reservations" VALUES('00002.1.agent',1,1800000012.0,1,1000,500,750000000);
INSERT INTO "reservations" VALUES('00003.1.agent',1,1800000017.0,1,1000,500,750000000);
CREATE TABLE run (
        one INTEGER PRIMARY KEY CHECK (one = 1), name TEXT NOT NULL, created_at REAL NOT NULL,
        dgm_version TEXT NOT NULL, image TEXT NOT NULL, image_digest TEXT NOT NULL, policy TEXT NOT NULL,
        benchmark TEXT NOT NULL, model TEXT NOT NULL, seed INTEGER NOT NULL) STRICT;
INSERT INTO "run" VALUES(1,'first',1800000000.0,'0.1.0','python','sha256:0000000000000000000000000000000000000000000000000000000000000000','dgm','katas','rehearsal',0);
CREATE TABLE settlements (
        session TEXT NOT NULL, number INTEGER NOT NULL, at REAL NOT NULL, calls INTEGER NOT NULL, input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, nanos INTEGER NOT NULL, PRIMARY KEY (session, number),
        FOREIGN KEY (session, number) REFERENCES reservations (session, number)) STRICT;
INSERT INTO "settlements" VALUES('00001.1.diagnose',1,1800000006.0,1,100,50,125000000);
INSERT INTO "settlements" VALUES('00001.1.improve',1,1800000008.0,1,200,20,62500000);
INSERT INTO "settlements" VALUES('00002.1.agent',1,1800000013.0,1,300,30,1);
CREATE TABLE starts (number INTEGER PRIMARY KEY, at REAL NOT NULL, pid INTEGER NOT NULL, children INTEGER NOT NULL) STRICT;
INSERT INTO "starts" VALUES(1,1800000002.0,4242,10);
CREATE TABLE step_sessions (
        step INTEGER NOT NULL REFERENCES steps (number), position INTEGER NOT NULL, session TEXT NOT NULL,
        PRIMARY KEY (step, position)) STRICT;
INSERT INTO "step_sessions" VALUES(1,0,'00001.1.diagnose');
INSERT INTO "step_sessions" VALUES(1,1,'00001.1.improve');
CREATE TABLE steps (
        number INTEGER PRIMARY KEY, decision INTEGER NOT NULL UNIQUE REFERENCES decisions (number),
        parent TEXT NOT NULL REFERENCES agents (id), evidence_task TEXT NOT NULL, diagnosis TEXT, rejection TEXT,
        detail TEXT NOT NULL, seconds REAL NOT NULL, patch TEXT NOT NULL, exit TEXT NOT NULL,
        child TEXT UNIQUE REFERENCES agents (id), files_changed INTEGER, insertions INTEGER, deletions INTEGER,
        at REAL NOT NULL, calls INTEGER NOT NULL, input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, nanos INTEGER NOT NULL,
        CHECK ((child IS NULL) <> (rejection IS NULL))) STRICT;
INSERT INTO "steps" VALUES(1,1,'fd224d36c1fc','anagram','{"log_summarization": "log", "potential_improvements": ["one", "two"], "improvement_proposal": "Retry when the reply is empty\nbecause it happens.", "implementation_suggestion": "how", "problem_description": "problem"}','empty patch','It does not start.',2.5,'--- a/main.py
','exit 0',NULL,NULL,NULL,NULL,1800000009.0,2,10,5,250000000);
CREATE TRIGGER run_no_update BEFORE UPDATE ON run BEGIN SELECT RAISE(ABORT, 'facts are only inserted'); END;
CREATE TRIGGER run_no_delete BEFORE DELETE ON run BEGIN SELECT RAISE(ABORT, 'facts are only inserted'); END;
CREATE TRIGGER starts_no_update BEFORE UPDATE ON starts BEGIN SELECT RAISE(ABORT, 'facts are only inserted'); END;
CREATE TRIGGER starts_no_delete BEFORE DELETE ON starts BEGIN SELECT RAISE(ABORT, 'facts are only inserted'); END;
CREATE TRIGGER ends_no_update BEFORE UPDATE ON ends BEGIN SELECT RAISE(ABORT, 'facts are only inserted'); END;
CREATE TRIGGER ends_no_delete BEFORE DELETE ON ends BEGIN SELECT RAISE(ABORT, 'facts are only inserted'); END;
CREATE TRIGGER agents_no_update BEFORE UPDATE ON agents BEGIN SELECT RAISE(ABORT, 'facts are only inserted'); END;
CREATE TRIGGER agents_no_delete BEFORE DELETE ON agents BEGIN SELECT RAISE(ABORT, 'facts are only inserted'); END;
CREATE TRIGGER parents_no_update BEFORE UPDATE ON parents BEGIN SELECT RAISE(ABORT, 'facts are only inserted'); END;
CREATE TRIGGER parents_no_delete BEFORE DELETE ON parents BEGIN SELECT RAISE(ABORT, 'facts are only inserted'); END;
CREATE TRIGGER decisions_no_update BEFORE UPDATE ON decisions BEGIN SELECT RAISE(ABORT, 'facts are only inserted'); END;
CREATE TRIGGER decisions_no_delete BEFORE DELETE ON decisions BEGIN SELECT RAISE(ABORT, 'facts are only inserted'); END;
CREATE TRIGGER attempts_no_update BEFORE UPDATE ON attempts BEGIN SELECT RAISE(ABORT, 'facts are only inserted'); END;
CREATE TRIGGER attempts_no_delete BEFORE DELETE ON attempts BEGIN SELECT RAISE(ABORT, 'facts are only inserted'); END;
CREATE TRIGGER steps_no_update BEFORE UPDATE ON steps BEGIN SELECT RAISE(ABORT, 'facts are only inserted'); END;
CREATE TRIGGER steps_no_delete BEFORE DELETE ON steps BEGIN SELECT RAISE(ABORT, 'facts are only inserted'); END;
CREATE TRIGGER step_sessions_no_update BEFORE UPDATE ON step_sessions BEGIN SELECT RAISE(ABORT, 'facts are only inserted'); END;
CREATE TRIGGER step_sessions_no_delete BEFORE DELETE ON step_sessions BEGIN SELECT RAISE(ABORT, 'facts are only inserted'); END;
CREATE TRIGGER evaluations_no_update BEFORE UPDATE ON evaluations BEGIN SELECT RAISE(ABORT, 'facts are only inserted'); END;
CREATE TRIGGER evaluations_no_delete BEFORE DELETE ON evaluations BEGIN SELECT RAISE(ABORT, 'facts are only inserted'); END;
CREATE TRIGGER reservations_no_update BEFORE UPDATE ON reservations BEGIN SELECT RAISE(ABORT, 'facts are only inserted'); END;
CREATE TRIGGER reservations_no_delete BEFORE DELETE ON reservations BEGIN SELECT RAISE(ABORT, 'facts are only inserted'); END;
CREATE TRIGGER settlements_no_update BEFORE UPDATE ON settlements BEGIN SELECT RAISE(ABORT, 'facts are only inserted'); END;
CREATE TRIGGER settlements_no_delete BEFORE DELETE ON settlements BEGIN SELECT RAISE(ABORT, 'facts are only inserted'); END;
CREATE TRIGGER faults_no_update BEFORE UPDATE ON faults BEGIN SELECT RAISE(ABORT, 'facts are only inserted'); END;
CREATE TRIGGER faults_no_delete BEFORE DELETE ON faults BEGIN SELECT RAISE(ABORT, 'facts are only inserted'); END;
CREATE TRIGGER cached_no_update BEFORE UPDATE ON cached BEGIN SELECT RAISE(ABORT, 'facts are only inserted'); END;
CREATE TRIGGER cached_no_delete BEFORE DELETE ON cached BEGIN SELECT RAISE(ABORT, 'facts are only inserted'); END;
CREATE TRIGGER images_no_update BEFORE UPDATE ON images BEGIN SELECT RAISE(ABORT, 'facts are only inserted'); END;
CREATE TRIGGER images_no_delete BEFORE DELETE ON images BEGIN SELECT RAISE(ABORT, 'facts are only inserted'); END;
CREATE TRIGGER flags_no_update BEFORE UPDATE ON flags BEGIN SELECT RAISE(ABORT, 'facts are only inserted'); END;
CREATE TRIGGER flags_no_delete BEFORE DELETE ON flags BEGIN SELECT RAISE(ABORT, 'facts are only inserted'); END;
CREATE TRIGGER held_out_no_update BEFORE UPDATE ON held_out BEGIN SELECT RAISE(ABORT, 'facts are only inserted'); END;
CREATE TRIGGER held_out_no_delete BEFORE DELETE ON held_out BEGIN SELECT RAISE(ABORT, 'facts are only inserted'); END;
CREATE TRIGGER partners_no_update BEFORE UPDATE ON partners BEGIN SELECT RAISE(ABORT, 'facts are only inserted'); END;
CREATE TRIGGER partners_no_delete BEFORE DELETE ON partners BEGIN SELECT RAISE(ABORT, 'facts are only inserted'); END;
CREATE TRIGGER evidence_no_update BEFORE UPDATE ON evidence BEGIN SELECT RAISE(ABORT, 'facts are only inserted'); END;
CREATE TRIGGER evidence_no_delete BEFORE DELETE ON evidence BEGIN SELECT RAISE(ABORT, 'facts are only inserted'); END;
CREATE TRIGGER judgements_no_update BEFORE UPDATE ON judgements BEGIN SELECT RAISE(ABORT, 'facts are only inserted'); END;
CREATE TRIGGER judgements_no_delete BEFORE DELETE ON judgements BEGIN SELECT RAISE(ABORT, 'facts are only inserted'); END;
CREATE TRIGGER conflicts_no_update BEFORE UPDATE ON conflicts BEGIN SELECT RAISE(ABORT, 'facts are only inserted'); END;
CREATE TRIGGER conflicts_no_delete BEFORE DELETE ON conflicts BEGIN SELECT RAISE(ABORT, 'facts are only inserted'); END;
CREATE INDEX steps_by_parent ON steps (parent);
CREATE INDEX verdicts ON evaluations (agent, task, trial, verdict);
COMMIT;
