// Package personal finds columns that look as if they had personal values, by the columns' names and by a sample of their values.
package personal

import "github.com/jobiqo/dump-refresh/helper/internal/mask"

// Kind is a kind of personal value.
type Kind string

// The kinds.
const (
	Mail           Kind = "mail address"
	Phone          Kind = "phone number"
	Name           Kind = "name"
	FirstName      Kind = "first name"
	LastName       Kind = "last name"
	Address        Kind = "postal address"
	IP             Kind = "IP address"
	BankAccount    Kind = "bank account"
	Card           Kind = "card number"
	NationalNumber Kind = "national number"
	BirthDate      Kind = "date of birth"
	Credential     Kind = "credential"
	Special        Kind = "personal attribute"
	FreeText       Kind = "free text"
)

// kinds are all kinds, the one that says most first: of several kinds in a column that one is reported.
var kinds = []Kind{Credential, BankAccount, Card, NationalNumber, Mail, Phone, IP, BirthDate, FirstName, LastName, Name, Address, Special, FreeText}

// maskers are what is suggested for a kind.
var maskers = map[Kind]mask.Spec{
	Mail: {Name: "email"}, Phone: {Name: "phone"}, Name: {Name: "name"}, FirstName: {Name: "name", Part: "first"}, LastName: {Name: "name", Part: "last"},
	Address: {Name: "text"}, IP: {Name: "ip"}, BankAccount: {Name: "digits"}, Card: {Name: "digits"}, NationalNumber: {Name: "digits"},
	BirthDate: {Name: "date"}, Credential: {Name: "hash"}, Special: {Name: "text"}, FreeText: {Name: "text"},
}

// proven are the kinds whose values show what they are. A column of such a name is only reported if a value is of that kind.
var proven = map[Kind]bool{Mail: true, IP: true, BankAccount: true, Card: true, Phone: true, BirthDate: true}

// Confidence is how sure a finding is.
type Confidence string

// The confidences. Low ones are of a few values among many.
const (
	High   Confidence = "high"
	Medium Confidence = "medium"
	Low    Confidence = "low"
)
