--
-- PostgreSQL database cluster dump
--

\restrict NYh5zJi33s9x8uvt7HZu1S0EEmWwQDwcEMbvagCSjuD1A7QB6E1VSTRlXze7UyO

SET default_transaction_read_only = off;

SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;

--
-- Roles
--

CREATE ROLE postgres;
ALTER ROLE postgres WITH SUPERUSER INHERIT CREATEROLE CREATEDB LOGIN REPLICATION BYPASSRLS;

--
-- User Configurations
--








\unrestrict NYh5zJi33s9x8uvt7HZu1S0EEmWwQDwcEMbvagCSjuD1A7QB6E1VSTRlXze7UyO

--
-- Databases
--

--
-- Database "shop" dump
--

--
-- PostgreSQL database dump
--

\restrict IVdyAk1eOwCHNCNDTk9TKdX71VvbgaQ2MG9TkqrlNBpnPAleeod8w3leZpPBcEM

-- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)
-- Dumped by pg_dump version 15.18 (Debian 15.18-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: shop; Type: DATABASE; Schema: -; Owner: postgres
--

CREATE DATABASE shop WITH TEMPLATE = template0 ENCODING = 'UTF8' LOCALE_PROVIDER = libc LOCALE = 'C.UTF-8';


ALTER DATABASE shop OWNER TO postgres;

\unrestrict IVdyAk1eOwCHNCNDTk9TKdX71VvbgaQ2MG9TkqrlNBpnPAleeod8w3leZpPBcEM
\connect shop
\restrict IVdyAk1eOwCHNCNDTk9TKdX71VvbgaQ2MG9TkqrlNBpnPAleeod8w3leZpPBcEM

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: tidy(); Type: FUNCTION; Schema: public; Owner: postgres
--

CREATE FUNCTION public.tidy() RETURNS void
    LANGUAGE plpgsql
    AS $$ BEGIN DELETE FROM log; END $$;


ALTER FUNCTION public.tidy() OWNER TO postgres;

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: customer; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.customer (
    id integer NOT NULL,
    name character varying(100) NOT NULL,
    note text
);


ALTER TABLE public.customer OWNER TO postgres;

--
-- Name: customer_id_seq; Type: SEQUENCE; Schema: public; Owner: postgres
--

CREATE SEQUENCE public.customer_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


ALTER TABLE public.customer_id_seq OWNER TO postgres;

--
-- Name: customer_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: postgres
--

ALTER SEQUENCE public.customer_id_seq OWNED BY public.customer.id;


--
-- Name: item; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.item (
    id integer NOT NULL,
    customer_id integer NOT NULL,
    amount numeric(10,2) DEFAULT 0 NOT NULL
);


ALTER TABLE public.item OWNER TO postgres;

--
-- Name: item_id_seq; Type: SEQUENCE; Schema: public; Owner: postgres
--

CREATE SEQUENCE public.item_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


ALTER TABLE public.item_id_seq OWNER TO postgres;

--
-- Name: item_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: postgres
--

ALTER SEQUENCE public.item_id_seq OWNED BY public.item.id;


--
-- Name: log; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.log (
    at timestamp without time zone NOT NULL,
    line text NOT NULL
);


ALTER TABLE public.log OWNER TO postgres;

--
-- Name: spent; Type: VIEW; Schema: public; Owner: postgres
--

CREATE VIEW public.spent AS
SELECT
    NULL::character varying(100) AS name,
    NULL::numeric AS amount;


ALTER TABLE public.spent OWNER TO postgres;

--
-- Name: customer id; Type: DEFAULT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.customer ALTER COLUMN id SET DEFAULT nextval('public.customer_id_seq'::regclass);


--
-- Name: item id; Type: DEFAULT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.item ALTER COLUMN id SET DEFAULT nextval('public.item_id_seq'::regclass);


--
-- Data for Name: customer; Type: TABLE DATA; Schema: public; Owner: postgres
--

COPY public.customer (id, name, note) FROM stdin;
1	Ada	likes; semicolons
2	Bob	it's \\ a backslash
3	Cleo	-- PostgreSQL database dump complete
4	Dan	COMMIT;\n\\.\n-- 2026-11-29 12:00:00\n
5	Eve	\N
\.


--
-- Data for Name: item; Type: TABLE DATA; Schema: public; Owner: postgres
--

COPY public.item (id, customer_id, amount) FROM stdin;
1	1	10.50
2	2	3.00
3	2	4.25
4	5	7.00
\.


--
-- Data for Name: log; Type: TABLE DATA; Schema: public; Owner: postgres
--

COPY public.log (at, line) FROM stdin;
2026-11-29 12:00:00	BEGIN
2026-11-29 12:00:01	\\unrestrict
\.


--
-- Name: customer_id_seq; Type: SEQUENCE SET; Schema: public; Owner: postgres
--

SELECT pg_catalog.setval('public.customer_id_seq', 5, true);


--
-- Name: item_id_seq; Type: SEQUENCE SET; Schema: public; Owner: postgres
--

SELECT pg_catalog.setval('public.item_id_seq', 4, true);


--
-- Name: customer customer_name_key; Type: CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.customer
    ADD CONSTRAINT customer_name_key UNIQUE (name);


--
-- Name: customer customer_pkey; Type: CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.customer
    ADD CONSTRAINT customer_pkey PRIMARY KEY (id);


--
-- Name: item item_pkey; Type: CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.item
    ADD CONSTRAINT item_pkey PRIMARY KEY (id);


--
-- Name: spent _RETURN; Type: RULE; Schema: public; Owner: postgres
--

CREATE OR REPLACE VIEW public.spent AS
 SELECT c.name,
    sum(i.amount) AS amount
   FROM (public.customer c
     JOIN public.item i ON ((i.customer_id = c.id)))
  GROUP BY c.id;


--
-- Name: item item_customer_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.item
    ADD CONSTRAINT item_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES public.customer(id) ON DELETE CASCADE;


--
-- PostgreSQL database dump complete
--

\unrestrict IVdyAk1eOwCHNCNDTk9TKdX71VvbgaQ2MG9TkqrlNBpnPAleeod8w3leZpPBcEM

--
-- PostgreSQL database cluster dump complete
--

