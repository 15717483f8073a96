package db

// Number is tested by itself: it is a parser.
var Number = number
