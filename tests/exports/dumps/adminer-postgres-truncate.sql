-- Adminer 4.8.1 PostgreSQL 15.18 (Debian 15.18-0+deb12u1) dump

CREATE SEQUENCE customer_id_seq INCREMENT 1 MINVALUE 1 MAXVALUE 2147483647 CACHE 1;

CREATE TABLE "public"."customer" (
    "id" integer DEFAULT nextval('customer_id_seq') NOT NULL,
    "name" character varying(100) NOT NULL,
    "note" text,
    CONSTRAINT "customer_name_key" UNIQUE ("name"),
    CONSTRAINT "customer_pkey" PRIMARY KEY ("id")
) WITH (oids = false);

TRUNCATE "customer";
INSERT INTO "customer" ("id", "name", "note") VALUES
(1,	'Ada',	'likes; semicolons'),
(2,	'Bob',	'it''s \ a backslash'),
(3,	'Cleo',	'-- PostgreSQL database dump complete'),
(4,	'Dan',	'COMMIT;
\.
-- 2026-11-29 12:00:00
'),
(5,	'Eve',	NULL);

CREATE SEQUENCE item_id_seq INCREMENT 1 MINVALUE 1 MAXVALUE 2147483647 CACHE 1;

CREATE TABLE "public"."item" (
    "id" integer DEFAULT nextval('item_id_seq') NOT NULL,
    "customer_id" integer NOT NULL,
    "amount" numeric(10,2) DEFAULT '0' NOT NULL,
    CONSTRAINT "item_pkey" PRIMARY KEY ("id")
) WITH (oids = false);

TRUNCATE "item";
INSERT INTO "item" ("id", "customer_id", "amount") VALUES
(1,	1,	10.50),
(2,	2,	3.00),
(3,	2,	4.25),
(4,	5,	7.00);

CREATE TABLE "public"."log" (
    "at" timestamp NOT NULL,
    "line" text NOT NULL
) WITH (oids = false);

TRUNCATE "log";
INSERT INTO "log" ("at", "line") VALUES
('2026-11-29 12:00:00',	'BEGIN'),
('2026-11-29 12:00:01',	'\unrestrict');

CREATE TABLE "spent" ("name" character varying(100), "amount" numeric);


ALTER TABLE ONLY "public"."item" ADD CONSTRAINT "item_customer_id_fkey" FOREIGN KEY (customer_id) REFERENCES customer(id) ON DELETE CASCADE NOT DEFERRABLE;

DROP TABLE IF EXISTS "spent";
CREATE VIEW "spent" AS SELECT c.name,
    sum(i.amount) AS amount
   FROM (customer c
     JOIN item i ON ((i.customer_id = c.id)))
  GROUP BY c.id;

-- 2026-11-29 15:04:39.32051+00
