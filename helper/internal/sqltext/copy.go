package sqltext

import (
	"bytes"
	"io"
)

// beginCopy turns a COPY … FROM stdin statement into a CopyBegin, its line feed included.
func (s *Splitter) beginCopy(piece Piece, end int) (Piece, error) {
	table, from := copyTarget(piece.Text)
	if !from {
		return piece, nil
	}
	lineEnd, err := s.after(end, "\n")
	if err == io.EOF {
		err = ErrUnterminated
	}
	if err != nil {
		return Piece{}, err
	}
	textLength := len(piece.Text)
	s.copying = table
	return Piece{
		Kind: CopyBegin, Table: table,
		Raw: s.buf[s.start:lineEnd], Text: s.buf[s.start : s.start+textLength],
	}, nil
}

// scanCopy returns whole lines of a COPY's data, a part of a line that is too long, or the line that ends the data.
func (s *Splitter) scanCopy() (Piece, error) {
	for {
		data := s.buf[s.start:s.end]
		if !s.midLine && bytes.HasPrefix(data, []byte("\\.")) && (len(data) > 2 || s.readErr != nil) {
			end, err := s.lineEnd()
			if err != nil {
				return Piece{}, err
			}
			s.copying = ""
			return Piece{Kind: CopyEnd, Raw: s.buf[s.start:end]}, nil
		}
		stop := bytes.Index(data, []byte("\n\\."))
		if stop < 0 && (len(data) >= copyBlock || s.readErr != nil) {
			stop = bytes.LastIndexByte(data, '\n')
		}
		switch {
		case stop >= 0:
			lines := data[:stop+1]
			s.midLine = false
			return Piece{Kind: CopyRows, Raw: lines, Table: s.copying, Rows: int64(bytes.Count(lines, []byte("\n")))}, nil
		case len(data) >= copyBlock:
			s.midLine = true
			return Piece{Kind: CopyRows, Raw: data, Table: s.copying, Partial: true}, nil
		case !s.fill():
			return Piece{}, s.broken()
		}
	}
}
