--
-- PostgreSQL database dump
--

\restrict 1I1E7GUT6A15goekgalnGgtwJQKoQK2Li35VKVvAcyo4af4vJ41gcNTG2oTYT1V

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
-- Name: tidy(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.tidy() RETURNS void
    LANGUAGE plpgsql
    AS $$ BEGIN DELETE FROM log; END $$;


SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: customer; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.customer (
    id integer NOT NULL,
    name character varying(100) NOT NULL,
    note text
);


--
-- Name: customer_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.customer_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: customer_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.customer_id_seq OWNED BY public.customer.id;


--
-- Name: item; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.item (
    id integer NOT NULL,
    customer_id integer NOT NULL,
    amount numeric(10,2) DEFAULT 0 NOT NULL
);


--
-- Name: item_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.item_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: item_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.item_id_seq OWNED BY public.item.id;


--
-- Name: log; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.log (
    at timestamp without time zone NOT NULL,
    line text NOT NULL
);


--
-- Name: spent; Type: VIEW; Schema: public; Owner: -
--

CREATE VIEW public.spent AS
SELECT
    NULL::character varying(100) AS name,
    NULL::numeric AS amount;


--
-- Name: customer id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.customer ALTER COLUMN id SET DEFAULT nextval('public.customer_id_seq'::regclass);


--
-- Name: item id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.item ALTER COLUMN id SET DEFAULT nextval('public.item_id_seq'::regclass);


--
-- Data for Name: customer; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.customer VALUES (1, 'Ada', 'likes; semicolons');
INSERT INTO public.customer VALUES (2, 'Bob', 'it''s \ a backslash');
INSERT INTO public.customer VALUES (3, 'Cleo', '-- PostgreSQL database dump complete');
INSERT INTO public.customer VALUES (4, 'Dan', 'COMMIT;
\.
-- 2026-11-29 12:00:00
');
INSERT INTO public.customer VALUES (5, 'Eve', NULL);


--
-- Data for Name: item; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.item VALUES (1, 1, 10.50);
INSERT INTO public.item VALUES (2, 2, 3.00);
INSERT INTO public.item VALUES (3, 2, 4.25);
INSERT INTO public.item VALUES (4, 5, 7.00);


--
-- Data for Name: log; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.log VALUES ('2026-11-29 12:00:00', 'BEGIN');
INSERT INTO public.log VALUES ('2026-11-29 12:00:01', '\unrestrict');


--
-- Name: customer_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.customer_id_seq', 5, true);


--
-- Name: item_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.item_id_seq', 4, true);


--
-- Name: customer customer_name_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.customer
    ADD CONSTRAINT customer_name_key UNIQUE (name);


--
-- Name: customer customer_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.customer
    ADD CONSTRAINT customer_pkey PRIMARY KEY (id);


--
-- Name: item item_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.item
    ADD CONSTRAINT item_pkey PRIMARY KEY (id);


--
-- Name: spent _RETURN; Type: RULE; Schema: public; Owner: -
--

CREATE OR REPLACE VIEW public.spent AS
 SELECT c.name,
    sum(i.amount) AS amount
   FROM (public.customer c
     JOIN public.item i ON ((i.customer_id = c.id)))
  GROUP BY c.id;


--
-- Name: item item_customer_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.item
    ADD CONSTRAINT item_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES public.customer(id) ON DELETE CASCADE;


--
-- PostgreSQL database dump complete
--

\unrestrict 1I1E7GUT6A15goekgalnGgtwJQKoQK2Li35VKVvAcyo4af4vJ41gcNTG2oTYT1V

