package shop

import (
	"strings"
	"unicode"

	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"
)

// name is a name as written and as it stands in an e-mail address.
type name struct{ written, ascii string }

// locale is a stock of names.
type locale struct {
	first, last []name
	forms       []string // of companies
}

var stock = []struct{ first, last, forms string }{
	{"James Mary Robert Patricia John Jennifer Michael Linda David Elizabeth William Barbara Richard Susan Joseph Jessica Thomas Sarah Charles Karen Daniel Nancy Matthew Lisa Anthony Betty Mark Sandra Steven Ashley",
		"Smith Johnson Williams Brown Jones Garcia Miller Davis Wilson Anderson Taylor Moore Jackson Martin Lee Thompson White Harris Clark Lewis Robinson Walker Young Allen King Wright Scott Hill Green Adams",
		"Inc|LLC|Ltd|Group"},
	{"Lukas Anna Felix Lena Jonas Emilia Jürgen Käthe Björn Sören Günther Renate Heinz Ursula Wolfgang Sabine Matthias Jörg Uwe Heike Dieter Birgit Stefan Nadine Florian Katrin Tobias Silke Rüdiger Anke",
		"Müller Schmidt Schneider Fischer Weber Meyer Wagner Becker Schulz Hoffmann Schäfer Koch Bauer Richter Klein Wolf Schröder Neumann Schwarz Zimmermann Braun Krüger Hofmann Hartmann Lange Werner Krause Lehmann Köhler Weiß",
		"GmbH|AG|KG|GmbH & Co KG"},
	{"Jan Jana Petr Eva Tomáš Lucie Jiří Kateřina Pavel Lenka Martin Alena Josef Hana Jaroslav Věra Zdeněk Jitka Miroslav Marie Václav Ludmila František Zuzana Luboš Michaela Ondřej Veronika Štěpán Žaneta",
		"Novák Svoboda Novotný Dvořák Černý Procházka Kučera Veselý Horák Němec Pokorný Marek Pospíšil Hájek Král Růžička Beneš Fiala Sedláček Doležal Zeman Kolář Navrátil Čermák Vaněk Urban Blažek Kříž Kovář Šimek",
		"s.r.o.|a.s.|spol. s r.o."},
	{"Jean Marie Pierre Camille Michel Chloé Philippe Inès André Léa Nicolas Zoé François Hélène Laurent Aurélie Éric Céline Stéphane Élodie Olivier Noémie Guillaume Margaux Rémi Anaïs Thierry Sylvie Jérôme Mélanie",
		"Martin Bernard Dubois Thomas Robert Richard Petit Durand Leroy Moreau Simon Laurent Lefèvre Michel García David Bertrand Roux Vincent Fournier Morel Girard André Lefebvre Mercier Dupont Lambert Bonnet François Béranger",
		"SARL|SA|SAS"},
}

// special letters that do not fall apart into a base letter and a mark.
var special = strings.NewReplacer("ß", "ss", "ø", "o", "ł", "l", "æ", "ae", "œ", "oe", "đ", "d")

func locales() []locale {
	all := make([]locale, len(stock))
	for i, s := range stock {
		all[i] = locale{first: names(s.first), last: names(s.last), forms: strings.Split(s.forms, "|")}
	}
	return all
}

func names(words string) []name {
	fold := transform.Chain(norm.NFD, runes.Remove(runes.In(unicode.Mn)), norm.NFC)
	var all []name
	for _, w := range strings.Fields(words) {
		plain, _, err := transform.String(fold, special.Replace(strings.ToLower(w)))
		if err != nil {
			panic("shop: a name of the stock cannot be folded: " + w)
		}
		all = append(all, name{w, plain})
	}
	return all
}

var countries = []string{"Czech Republic", "Germany", "United States", "United Kingdom", "France", "Austria", "Poland", "Netherlands", "Slovakia", "Spain", "Italy", "Sweden"}
var countryWeights = weigh(25, 15, 12, 10, 8, 5, 5, 5, 5, 4, 3, 3)

var cities = [][]string{
	{"Praha", "Brno", "Ostrava", "Plzeň", "Liberec", "Olomouc"}, {"Berlin", "Hamburg", "München", "Köln", "Frankfurt am Main", "Leipzig"},
	{"New York", "Chicago", "Houston", "Phoenix", "Seattle", "Boston"}, {"London", "Manchester", "Birmingham", "Leeds", "Glasgow", "Bristol"},
	{"Paris", "Lyon", "Marseille", "Toulouse", "Nantes", "Orléans"}, {"Wien", "Graz", "Linz", "Salzburg", "Innsbruck", "Klagenfurt"},
	{"Warszawa", "Kraków", "Łódź", "Wrocław", "Poznań", "Gdańsk"}, {"Amsterdam", "Rotterdam", "Den Haag", "Utrecht", "Eindhoven", "Groningen"},
	{"Bratislava", "Košice", "Prešov", "Žilina", "Nitra", "Trnava"}, {"Madrid", "Barcelona", "Valencia", "Sevilla", "Zaragoza", "Málaga"},
	{"Roma", "Milano", "Napoli", "Torino", "Bologna", "Firenze"}, {"Stockholm", "Göteborg", "Malmö", "Uppsala", "Västerås", "Örebro"},
}
