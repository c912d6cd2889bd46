package data

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// Write writes the database as SQL text, in the format of mariadb-dump or pg_dump.
func Write(w io.Writer, d Dialect, o Options) error {
	out := bufio.NewWriterSize(w, 1<<20)
	if d == MySQL {
		writeMySQL(out, o)
	} else {
		writePostgres(out, o)
	}
	// A bufio.Writer remembers its first error.
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write SQL: %w", err)
	}
	return nil
}

func writeMySQL(out *bufio.Writer, o Options) {
	fmt.Fprint(out, `/*M!999999\- enable the sandbox mode */ 
-- MariaDB dump 10.19  Distrib 10.11.14-MariaDB, for debian-linux-gnu (x86_64)
--
-- Host: localhost    Database: drupal
-- ------------------------------------------------------
-- Server version	10.11.14-MariaDB-0+deb12u2

/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;
/*!40101 SET @OLD_CHARACTER_SET_RESULTS=@@CHARACTER_SET_RESULTS */;
/*!40101 SET @OLD_COLLATION_CONNECTION=@@COLLATION_CONNECTION */;
/*!40101 SET NAMES utf8mb4 */;
/*!40103 SET @OLD_TIME_ZONE=@@TIME_ZONE */;
/*!40103 SET TIME_ZONE='+00:00' */;
/*!40014 SET @OLD_UNIQUE_CHECKS=@@UNIQUE_CHECKS, UNIQUE_CHECKS=0 */;
/*!40014 SET @OLD_FOREIGN_KEY_CHECKS=@@FOREIGN_KEY_CHECKS, FOREIGN_KEY_CHECKS=0 */;
/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */;
/*!40111 SET @OLD_SQL_NOTES=@@SQL_NOTES, SQL_NOTES=0 */;
`)
	m := newMaker(MySQL, o)
	tables := tables(MySQL, o)
	for _, t := range tables {
		fmt.Fprintf(out, "\n--\n-- Table structure for table `%[1]s`\n--\n\nDROP TABLE IF EXISTS `%[1]s`;\n%[2]s;\n", t.name, t.create(MySQL))
		fmt.Fprintf(out, "\n--\n-- Dumping data for table `%[1]s`\n--\n\nLOCK TABLES `%[1]s` WRITE;\n/*!40000 ALTER TABLE `%[1]s` DISABLE KEYS */;\n", t.name)
		for b := range t.batches() {
			_, _ = out.Write(m.insert(b))
			_, _ = out.WriteString(";\n")
		}
		fmt.Fprintf(out, "/*!40000 ALTER TABLE `%s` ENABLE KEYS */;\nUNLOCK TABLES;\n", t.name)
	}
	for _, statement := range after(MySQL, tables, o) {
		if strings.HasPrefix(statement, "CREATE TRIGGER") {
			fmt.Fprintf(out, "DELIMITER ;;\n/*!50003 %s */;;\nDELIMITER ;\n", strings.Replace(statement, "CREATE TRIGGER", "CREATE*/ /*!50017 DEFINER=`drupal`@`10.0.0.%`*/ /*!50003 TRIGGER", 1))
			continue
		}
		fmt.Fprintf(out, "%s;\n", statement)
	}
	fmt.Fprint(out, `/*!40103 SET TIME_ZONE=@OLD_TIME_ZONE */;

/*!40101 SET SQL_MODE=@OLD_SQL_MODE */;
/*!40014 SET FOREIGN_KEY_CHECKS=@OLD_FOREIGN_KEY_CHECKS */;
/*!40014 SET UNIQUE_CHECKS=@OLD_UNIQUE_CHECKS */;
/*!40101 SET CHARACTER_SET_CLIENT=@OLD_CHARACTER_SET_CLIENT */;
/*!40101 SET CHARACTER_SET_RESULTS=@OLD_CHARACTER_SET_RESULTS */;
/*!40101 SET COLLATION_CONNECTION=@OLD_COLLATION_CONNECTION */;
/*!40111 SET SQL_NOTES=@OLD_SQL_NOTES */;

-- Dump completed on 2026-11-22  6:30:00
`)
}

func writePostgres(out *bufio.Writer, o Options) {
	fmt.Fprint(out, `--
-- PostgreSQL database dump
--

-- Dumped from database version 15.14 (Debian 15.14-0+deb12u1)
-- Dumped by pg_dump version 15.14 (Debian 15.14-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', 'public', false);
SET check_function_bodies = false;
SET client_min_messages = warning;

`)
	tables := tables(Postgres, o)
	for _, t := range tables {
		fmt.Fprintf(out, "--\n-- Name: %s; Type: TABLE; Schema: public; Owner: -\n--\n\n%s;\n\n\n", t.name, t.create(Postgres))
	}
	m := newMaker(Postgres, o)
	for _, t := range tables {
		fmt.Fprintf(out, "--\n-- Data for Name: %s; Type: TABLE DATA; Schema: public; Owner: -\n--\n\n%s;\n", t.name, t.copyCommand())
		for b := range t.batches() {
			_, _ = out.Write(m.copyRows(b))
		}
		fmt.Fprint(out, "\\.\n\n\n")
	}
	for _, statement := range after(Postgres, tables, o) {
		fmt.Fprintf(out, "%s;\n\n", statement)
	}
	fmt.Fprint(out, "\n--\n-- PostgreSQL database dump complete\n--\n\n")
}
