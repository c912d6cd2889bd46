package mask

import (
	"strings"

	"github.com/brianvoe/gofakeit/v7/data"
)

// nameList has first and last names of a language.
type nameList struct{ first, last []string }

// nameLists has frequent names. The English ones are gofakeit's; it has no others.
var nameLists = map[string]nameList{
	"en": {data.Person["first"], data.Person["last"]},
	"de": {strings.Fields(germanFirst), strings.Fields(germanLast)},
	"fr": {strings.Fields(frenchFirst), strings.Fields(frenchLast)},
}

const (
	germanFirst = `Andreas Thomas Stefan Christian Martin Markus Daniel Sebastian Alexander Florian Tobias Matthias Jan Philipp Lukas Felix
		Jonas Maximilian Paul Leon Finn Elias Noah Ben Moritz Simon David Johannes Jakob Fabian Julian Niklas Tim Dominik Patrick Bernd
		Jürgen Klaus Wolfgang Günter Manfred Uwe Dieter Rainer Gerhard Karl Heinz Werner Horst Helmut Franz Josef Georg Anton Emil Oskar
		Theo Rafael Valentin Benedikt Anna Maria Sabine Susanne Petra Monika Claudia Birgit Andrea Stefanie Nicole Julia Katharina Sarah
		Laura Lena Lisa Hannah Mia Emma Sophie Marie Lea Leonie Clara Johanna Charlotte Amelie Luisa Frieda Ida Greta Mathilda Paula
		Theresa Magdalena Veronika Eva Barbara Christine Gabriele Ingrid Renate Ursula Helga Karin Brigitte Heike Anja Silke Kerstin
		Martina Ulrike Angelika Franziska Antonia Elisabeth Valentina Jana Nina Miriam Judith Carina Melanie Daniela Verena Jörg Björn Götz
		Käthe Bärbel`
	germanLast = `Müller Schmidt Schneider Fischer Weber Meyer Wagner Becker Schulz Hoffmann Schäfer Koch Bauer Richter Klein Wolf Schröder
		Neumann Schwarz Zimmermann Braun Krüger Hofmann Hartmann Lange Schmitt Werner Krause Meier Lehmann Schmid Schulze Maier Köhler
		Herrmann König Walter Mayer Huber Kaiser Fuchs Peters Lang Scholz Möller Weiß Jung Hahn Schubert Vogel Friedrich Keller Günther
		Frank Berger Winkler Roth Beck Lorenz Baumann Franke Albrecht Schuster Simon Ludwig Böhm Winter Kraus Martin Schumacher Krämer
		Vogt Stein Jäger Otto Sommer Groß Seidel Heinrich Brandt Haas Schreiber Graf Schulte Dietrich Ziegler Kuhn Kühn Pohl Engel Horn
		Busch Bergmann Thomas Voigt Sauer Arnold Wolff Pfeiffer Gruber Steiner Moser Egger Leitner Brunner Reiter Eder Wimmer Bühler Frei
		Gerber Widmer Zürcher Baumgartner Aigner Hofer Pichler Lechner`
	frenchFirst = `Jean Pierre Michel Philippe Alain Nicolas Christophe Laurent Julien Thomas Alexandre Maxime Antoine Lucas Hugo Louis
		Gabriel Arthur Jules Léo Raphaël Adam Ethan Nathan Théo Mathis Paul Baptiste Clément Quentin Romain Guillaume François Éric
		Stéphane Olivier Frédéric Sébastien Vincent David Bruno Pascal Thierry Didier Gérard Bernard Jacques André René Claude Henri
		Marcel Étienne Benoît Mathieu Florian Valentin Adrien Damien Cédric Marie Nathalie Isabelle Sylvie Catherine Françoise Valérie
		Christine Monique Sandrine Véronique Nicole Céline Stéphanie Émilie Julie Camille Léa Manon Chloé Emma Jade Louise Alice Inès
		Sarah Clara Zoé Juliette Lola Anaïs Mathilde Pauline Marine Laura Charlotte Lucie Margaux Élise Hélène Florence Sophie Caroline
		Delphine Aurélie Virginie Élodie Patricia Martine Brigitte Jacqueline Colette Simone Madeleine Odette Agnès Cécile Claire Noémie`
	frenchLast = `Martin Bernard Dubois Thomas Robert Richard Petit Durand Leroy Moreau Simon Laurent Lefebvre Michel Garcia David Bertrand
		Roux Vincent Fournier Morel Girard André Lefèvre Mercier Dupont Lambert Bonnet François Martinez Legrand Garnier Faure Rousseau
		Blanc Guérin Muller Henry Roussel Nicolas Perrin Morin Mathieu Clément Gauthier Dumont Lopez Fontaine Chevalier Robin Masson
		Sanchez Gérard Nguyen Boyer Denis Lemaire Duval Joly Gautier Roger Roche Roy Noël Meyer Lucas Meunier Jean Perez Marchand Dufour
		Blanchard Marie Barbier Brun Dumas Brunet Schmitt Leroux Colas Caron Renard Arnaud Rolland Picard Gaillard Giraud Lacroix Leclerc
		Vidal Bourgeois Renaud Lemoine Besson Aubert Berger Rivière Charpentier Benoît Fabre Baron Rey Delattre Marechal Poirier Collet`
)

// FirstNames are the frequent first names of all languages that the masker name knows.
func FirstNames() (all []string) {
	for _, list := range nameLists {
		all = append(all, list.first...)
	}
	return all
}
